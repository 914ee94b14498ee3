package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// readers is how many clients read a blob before: a server of several processes has read
// it by then in each of them.
const readers = 8

// preparePulls verifies a blob, and lets clients read it over and over.
func preparePulls(o *options) (work, error) {
	registries, err := o.registries(o.clients)
	if err != nil {
		return nil, err
	}
	if o.verify {
		_, err := together(min(o.clients, readers), func(number int) (done tally, err error) {
			hashing := sha256.New()
			if _, err := registries[number].pull(o.digest, hashing); err != nil {
				return done, err
			}
			if found := "sha256:" + hex.EncodeToString(hashing.Sum(nil)); found != o.digest {
				return done, fmt.Errorf("pulled %s instead of %s", found, o.digest)
			}
			return done, nil
		})
		if err != nil {
			return nil, err
		}
	}
	turn := o.turns()
	return func() (tally, error) {
		return together(o.clients, func(number int) (done tally, err error) {
			for _, more := turn(); more; _, more = turn() {
				started := time.Now()
				got, err := registries[number].pull(o.digest, nil)
				if err != nil {
					return done, err
				}
				if got != o.size {
					return done, fmt.Errorf("%d bytes instead of %d", got, o.size)
				}
				done.add(got, started)
			}
			return done, nil
		})
	}, nil
}

// preparePushes makes blobs, and lets clients push each once.
func preparePushes(o *options) (work, error) {
	registries, err := o.registries(o.clients)
	if err != nil {
		return nil, err
	}
	made := blobs(o.count, o.size)
	turn := o.turns()
	return func() (tally, error) {
		return together(o.clients, func(number int) (done tally, err error) {
			for index, more := turn(); more; index, more = turn() {
				started := time.Now()
				if err := registries[number].push(made[index], o.chunked); err != nil {
					return done, err
				}
				done.add(made[index].size, started)
				done.digests = append(done.digests, made[index].digest)
			}
			return done, nil
		})
	}, nil
}

// turns returns what gives each client its next turn: count in all.
func (o *options) turns() func() (int, bool) {
	var last atomic.Int64
	return func() (int, bool) {
		next := int(last.Add(1)) - 1
		return next, next < o.count
	}
}

func (t *tally) add(bytes int64, started time.Time) {
	t.operations++
	t.bytes += bytes
	t.taken = append(t.taken, time.Since(started))
}

// pull reads a whole blob, 32 KiB at once, and lets hashing see it, if there is any.
func (r *registry) pull(digest string, hashing io.Writer) (int64, error) {
	response, err := r.client.Get(r.base + "/blobs/" + digest)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("a pull was answered %d", response.StatusCode)
	}
	buffer := make([]byte, block)
	var size int64
	for {
		got, err := response.Body.Read(buffer)
		size += int64(got)
		if hashing != nil {
			hashing.Write(buffer[:got])
		}
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// push pushes as docker does, POST, PATCH in chunks and PUT, or by POST and PUT.
func (r *registry) push(b blob, chunked bool) error {
	next, err := r.ask("POST", r.base+"/blobs/uploads/", nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	if !chunked {
		request, err := http.NewRequest("PUT", finishing(next, b.digest), b.reader())
		if err != nil {
			return err
		}
		request.ContentLength = b.size
		request.Header.Set("Content-Type", "application/octet-stream")
		_, _, err = r.send(request, http.StatusCreated)
		return err
	}
	next, err = r.ask("PATCH", next.String(), b.reader(), http.StatusAccepted)
	if err != nil {
		return err
	}
	_, err = r.ask("PUT", finishing(next, b.digest), nil, http.StatusCreated)
	return err
}

// finishing tells where an upload ends.
func finishing(next *url.URL, digest string) string {
	ending := *next
	query := ending.Query()
	query.Set("digest", digest)
	ending.RawQuery = query.Encode()
	return ending.String()
}
