package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"
)

func TestPercentile(t *testing.T) {
	var taken []time.Duration
	for number := 1; number <= 100; number++ {
		taken = append(taken, time.Duration(number)*time.Second)
	}
	for part, expected := range map[float64]float64{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if found := percentile(taken, part); found != expected {
			t.Errorf("%v: %v instead of %v", part, found, expected)
		}
	}
	if found := percentile(nil, 0.5); found != 0 {
		t.Errorf("of nothing: %v", found)
	}
}

// Blobs are what their digests say, of any size, however they are read; no two are alike.
func TestBlobs(t *testing.T) {
	seen := map[string]bool{}
	for _, size := range []int64{uniqueEnd, 33, block, 100 << 10, int64(len(pattern)) + 5, 2*int64(len(pattern)) + uniqueEnd} {
		for _, each := range blobs(2, size) {
			whole, err := io.ReadAll(each.reader())
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(whole)
			if int64(len(whole)) != size || each.digest != "sha256:"+hex.EncodeToString(sum[:]) {
				t.Errorf("%d bytes of %d, or another digest", len(whole), size)
			}
			if seen[each.digest] {
				t.Errorf("two blobs of %d bytes are alike", size)
			}
			seen[each.digest] = true
			if size > block {
				continue
			}
			slowly, err := io.ReadAll(iotest.OneByteReader(each.reader()))
			if err != nil || !bytes.Equal(slowly, whole) {
				t.Errorf("%d bytes are others if they are read one by one", size)
			}
		}
	}
}

func TestTogetherTellsWhoFailed(t *testing.T) {
	broken := errors.New("broken")
	done, err := together(3, func(number int) (tally, error) {
		if number == 1 {
			return tally{}, broken
		}
		return tally{operations: 1}, nil
	})
	if !errors.Is(err, broken) || done.operations > 1 {
		t.Errorf("%v, %v", done, err)
	}
}
