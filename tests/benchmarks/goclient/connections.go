package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// patience is how long a server may take for anything small.
const patience = 120 * time.Second

// secret returns what TLS needs, or nil where it is not spoken.
func (o *options) secret() (*tls.Config, error) {
	if o.authority == "" {
		return nil, nil
	}
	trusted, err := os.ReadFile(o.authority)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(trusted) {
		return nil, fmt.Errorf("no certificate in %s", o.authority)
	}
	if o.client != "" {
		key := o.key
		if key == "" {
			key = o.client
		}
		own, err := tls.LoadX509KeyPair(o.client, key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

// dial connects, by TLS if config is not nil.
func (o *options) dial(config *tls.Config) (net.Conn, error) {
	target, err := url.Parse(o.url)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: patience}
	if config == nil {
		return dialer.Dial("tcp", target.Host)
	}
	return tls.DialWithDialer(dialer, "tcp", target.Host, config)
}

// registry is a repository of a registry, as one client sees it.
type registry struct {
	client *http.Client
	base   string
}

// registries makes a client for each that works at the same time, and lets it connect.
// They speak HTTP/1.1, as docker does, also where TLS would allow for more.
func (o *options) registries(count int) ([]*registry, error) {
	made := make([]*registry, count)
	for number := range made {
		config, err := o.secret()
		if err != nil {
			return nil, err
		}
		transport := &http.Transport{
			TLSClientConfig:     config,
			TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
			DisableCompression:  true,
			DisableKeepAlives:   o.fresh,
			MaxIdleConnsPerHost: o.parallel,
		}
		each := &registry{&http.Client{Transport: transport}, o.url + "/v2/" + o.repository}
		made[number] = each
		if _, err := each.ask("GET", o.url+"/v2/", nil, 200); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// ask makes a request with a body that is nil or has no known length, and reads the
// small answer.
//
// It returns where to go on, if the answer tells that.
func (r *registry) ask(method, target string, body io.Reader, status int) (*url.URL, error) {
	request, err := http.NewRequest(method, target, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/octet-stream")
	}
	_, next, err := r.send(request, status)
	return next, err
}

// send makes a request, and returns the body of the small answer.
func (r *registry) send(request *http.Request, status int) ([]byte, *url.URL, error) {
	response, err := r.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode != status {
		return nil, nil, fmt.Errorf("%s %s: %d instead of %d: %.200s",
			request.Method, request.URL.Path, response.StatusCode, status, answer)
	}
	next, err := response.Location()
	if err == http.ErrNoLocation {
		err = nil
	}
	return answer, next, err
}
