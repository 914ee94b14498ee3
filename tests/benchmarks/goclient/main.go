// Command goclient is the client of the benchmarks. It behaves as clients of registries
// do that are written in Go, and costs little, as it shares the machine with the server.
//
//	goclient MODE -url http://127.0.0.1:5000 ...
//
// It prepares what is not to be measured, says "ready" and waits for a line (with -wait),
// works, and prints one line of JSON. See goclient MODE -help.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

// options are what all modes are told; each takes what it needs.
type options struct {
	url, repository          string
	authority, client, key   string
	clients, count, parallel int
	layers                   int
	size                     int64
	seconds                  float64
	method, path, digest     string
	headers                  list
	chunked, resumed, fresh  bool
	verify, wait             bool
}

// result is what is printed. Times are in seconds.
type result struct {
	Seconds    float64  `json:"seconds"`
	CPU        float64  `json:"cpu"`
	Operations int      `json:"operations"`
	Bytes      int64    `json:"bytes"`
	P50        float64  `json:"p50"`
	P99        float64  `json:"p99"`
	Digests    []string `json:"digests"`
}

// work is what is measured.
type work func() (tally, error)

// tally is what one client did.
type tally struct {
	operations int
	bytes      int64
	taken      []time.Duration
	digests    []string
}

type list []string

func (l *list) String() string         { return strings.Join(*l, ", ") }
func (l *list) Set(value string) error { *l = append(*l, value); return nil }

var modes = map[string]func(*options) (work, error){
	"requests":   prepareRequests,
	"handshakes": prepareHandshakes,
	"pull":       preparePulls,
	"push":       preparePushes,
	"pushimage":  prepareImagePushes,
	"pullimage":  prepareImagePulls,
}

func main() {
	if len(os.Args) < 2 || modes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: goclient requests|handshakes|pull|push|pushimage|pullimage ...")
		os.Exit(2)
	}
	if err := run(modes[os.Args[1]], parse(os.Args[2:])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse(arguments []string) *options {
	o := &options{}
	flags := flag.NewFlagSet("goclient", flag.ExitOnError)
	flags.StringVar(&o.url, "url", "", "the registry, without a path")
	flags.StringVar(&o.repository, "repository", "benchmarks/go", "the repository")
	flags.StringVar(&o.authority, "authority", "", "a file of who certifies the server")
	flags.StringVar(&o.client, "client", "", "a file of the client's certificate")
	flags.StringVar(&o.key, "key", "", "a file of its key, if it is another one")
	flags.IntVar(&o.clients, "clients", 1, "how many work at the same time")
	flags.IntVar(&o.count, "count", 1, "how many blobs or images in all")
	flags.IntVar(&o.parallel, "parallel", 1, "how many layers of an image at the same time")
	flags.IntVar(&o.layers, "layers", 40, "how many layers an image has")
	flags.Int64Var(&o.size, "size", 1<<20, "the bytes of a blob or of a layer")
	flags.Float64Var(&o.seconds, "seconds", 0, "how long; 0 for -count")
	flags.StringVar(&o.method, "method", "GET", "the method of requests")
	flags.StringVar(&o.path, "path", "/v2/", "the path of requests")
	flags.Var(&o.headers, "header", "a line in the head of requests; may be repeated")
	flags.StringVar(&o.digest, "digest", "", "the blob to pull")
	flags.BoolVar(&o.chunked, "chunked", false, "push as docker does, not with a length")
	flags.BoolVar(&o.resumed, "resumed", false, "come back with a ticket of TLS")
	flags.BoolVar(&o.fresh, "fresh", false, "make a new connection for each request")
	flags.BoolVar(&o.verify, "verify", true, "pull before, and see that it is right")
	flags.BoolVar(&o.wait, "wait", false, "say ready, and wait for a line")
	_ = flags.Parse(arguments)
	return o
}

func run(prepare func(*options) (work, error), o *options) error {
	working, err := prepare(o)
	if err != nil {
		return err
	}
	if o.wait {
		fmt.Println("ready")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return err
		}
	}
	before, started := cpu(), time.Now()
	done, err := working()
	seconds := time.Since(started).Seconds()
	if err != nil {
		return err
	}
	sort.Slice(done.taken, func(i, j int) bool { return done.taken[i] < done.taken[j] })
	return json.NewEncoder(os.Stdout).Encode(result{
		Seconds:    seconds,
		CPU:        cpu() - before,
		Operations: done.operations,
		Bytes:      done.bytes,
		P50:        percentile(done.taken, 0.5),
		P99:        percentile(done.taken, 0.99),
		Digests:    done.digests,
	})
}

// together lets clients work at the same time, and adds up what they did.
func together(clients int, one func(number int) (tally, error)) (tally, error) {
	tallies, failures := make([]tally, clients), make([]error, clients)
	var waiting sync.WaitGroup
	for number := range tallies {
		waiting.Add(1)
		go func(number int) {
			defer waiting.Done()
			tallies[number], failures[number] = one(number)
		}(number)
	}
	waiting.Wait()
	var all tally
	for number, each := range tallies {
		if failures[number] != nil {
			return all, fmt.Errorf("client %d: %w", number, failures[number])
		}
		all.operations += each.operations
		all.bytes += each.bytes
		all.taken = append(all.taken, each.taken...)
		all.digests = append(all.digests, each.digests...)
	}
	return all, nil
}

// percentile returns the seconds that a part of the sorted times did not exceed.
func percentile(sorted []time.Duration, part float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))].Seconds()
}

// cpu returns the seconds of the processor that this process has used.
func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}
