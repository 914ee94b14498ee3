package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"io"
)

const (
	// block is what docker reads and writes at once.
	block     = 32 << 10
	uniqueEnd = 32
)

// pattern is what all blobs of this run consist of, over and over, but for their ends.
var pattern = random(4 << 20)

// blob is bytes that nobody else has pushed.
type blob struct {
	size   int64
	digest string
	end    []byte
}

// blobs makes some of a size. What precedes the ends is hashed once.
func blobs(count int, size int64) []blob {
	shared := sha256.New()
	for left := size - uniqueEnd; left > 0; left -= int64(len(pattern)) {
		shared.Write(pattern[:min(left, int64(len(pattern)))])
	}
	made := make([]blob, count)
	for number := range made {
		end := random(uniqueEnd)
		whole := clone(shared)
		whole.Write(end)
		made[number] = blob{size, "sha256:" + hex.EncodeToString(whole.Sum(nil)), end}
	}
	return made
}

// reader returns the bytes, as many at once as are asked for.
func (b blob) reader() io.Reader { return &reader{blob: b} }

type reader struct {
	blob     blob
	position int64
}

// Read copies, as a client has to that compresses what it reads.
func (r *reader) Read(into []byte) (int, error) {
	body := r.blob.size - uniqueEnd
	var copied int
	if r.position < body {
		start := r.position % int64(len(pattern))
		copied = copy(into, pattern[start:min(int64(len(pattern)), start+body-r.position)])
	} else if r.position < r.blob.size {
		copied = copy(into, r.blob.end[r.position-body:])
	} else {
		return 0, io.EOF
	}
	r.position += int64(copied)
	return copied, nil
}

// clone copies the state of a hash.
func clone(original hash.Hash) hash.Hash {
	state, err := original.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err)
	}
	copied := sha256.New()
	if err := copied.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		panic(err)
	}
	return copied
}

func random(size int) []byte {
	made := make([]byte, size)
	if _, err := rand.Read(made); err != nil {
		panic(err)
	}
	return made
}
