package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// warmth is the part of the time that is spent before what is measured.
const warmth = 10

// caller makes the same request over and over on a connection. It is no http.Client,
// which takes longer for a small request than some servers do.
type caller struct {
	connection net.Conn
	reader     *bufio.Reader
	request    []byte
	bodiless   bool
}

// prepareRequests connects, and lets each connection ask as soon as it is answered.
func prepareRequests(o *options) (work, error) {
	config, err := o.secret()
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(o.url)
	if err != nil {
		return nil, err
	}
	lines := append([]string{o.method + " " + o.path + " HTTP/1.1", "Host: " + target.Host}, o.headers...)
	request := []byte(strings.Join(lines, "\r\n") + "\r\n\r\n")
	callers := make([]*caller, o.clients)
	for number := range callers {
		connection, err := o.dial(config)
		if err != nil {
			return nil, err
		}
		callers[number] = &caller{connection, bufio.NewReaderSize(connection, 64<<10), request, o.method == "HEAD"}
	}
	working := func(seconds float64) (tally, error) {
		deadline := time.Now().Add(time.Duration(seconds * float64(time.Second)))
		return together(o.clients, func(number int) (tally, error) {
			return callers[number].repeat(deadline)
		})
	}
	if _, err := working(o.seconds / warmth); err != nil {
		return nil, err
	}
	return func() (tally, error) { return working(o.seconds) }, nil
}

// repeat asks at least once, and until the deadline.
func (c *caller) repeat(deadline time.Time) (done tally, err error) {
	before := time.Now()
	for len(done.taken) == 0 || before.Before(deadline) {
		size, err := c.ask()
		if err != nil {
			return done, err
		}
		now := time.Now()
		done.taken = append(done.taken, now.Sub(before))
		done.bytes += size
		before = now
	}
	done.operations = len(done.taken)
	return done, nil
}

// ask asks once, and returns the length of the body.
func (c *caller) ask() (int64, error) {
	if _, err := c.connection.Write(c.request); err != nil {
		return 0, err
	}
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return 0, fmt.Errorf("answered %q", line)
	}
	length, chunked := int64(-1), false
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if len(name) == len("content-length") && bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, err
			}
		}
		chunked = chunked || bytes.EqualFold(name, []byte("transfer-encoding"))
	}
	switch {
	case c.bodiless:
		return 0, nil
	case chunked:
		size, err := io.Copy(io.Discard, httputil.NewChunkedReader(c.reader))
		if err == nil {
			_, err = c.reader.Discard(2) // what follows the last chunk
		}
		return size, err
	case length < 0:
		return 0, fmt.Errorf("an answer without a length")
	}
	_, err = c.reader.Discard(int(length))
	return length, err
}

// prepareHandshakes lets clients connect, ask one thing and leave, over and over.
func prepareHandshakes(o *options) (work, error) {
	configs := make([]*tls.Config, o.clients)
	for number := range configs {
		config, err := o.secret()
		if err != nil {
			return nil, err
		}
		config.MinVersion = tls.VersionTLS13
		if o.resumed {
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		}
		configs[number] = config
		if err := o.come(config, false); err != nil { // for a ticket
			return nil, err
		}
	}
	return func() (tally, error) {
		deadline := time.Now().Add(time.Duration(o.seconds * float64(time.Second)))
		return together(o.clients, func(number int) (done tally, err error) {
			for before := time.Now(); before.Before(deadline); before = time.Now() {
				if err := o.come(configs[number], o.resumed); err != nil {
					return done, err
				}
				done.add(0, before)
			}
			return done, nil
		})
	}, nil
}

// come connects, asks, and reads to the end.
func (o *options) come(config *tls.Config, resumed bool) error {
	connection, err := o.dial(config)
	if err != nil {
		return err
	}
	defer connection.Close()
	secret := connection.(*tls.Conn)
	if secret.ConnectionState().DidResume != resumed {
		return fmt.Errorf("a session was not begun as it was to be")
	}
	request := "GET /v2/ HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(connection, request); err != nil {
		return err
	}
	answer, err := io.ReadAll(connection)
	if err == nil && !bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) {
		err = fmt.Errorf("answered %.20q", answer)
	}
	return err
}
