package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	sizeOfConfig = 4 << 10
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

// image is what is pushed under a tag.
type image struct {
	tag      string
	config   blob
	layers   []blob
	manifest []byte
}

// prepareImagePushes makes images, and pushes one after the other as docker does.
func prepareImagePushes(o *options) (work, error) {
	registries, err := o.registries(1)
	if err != nil {
		return nil, err
	}
	images := make([]image, o.count)
	for number := range images {
		each := image{tag: tag(number), config: blobs(1, sizeOfConfig)[0], layers: blobs(o.layers, o.size)}
		written := manifest{2, manifestType, describe(each.config, configType), nil}
		for _, layer := range each.layers {
			written.Layers = append(written.Layers, describe(layer, layerType))
		}
		if each.manifest, err = json.Marshal(written); err != nil {
			return nil, err
		}
		images[number] = each
	}
	return func() (done tally, err error) {
		for _, each := range images {
			started := time.Now()
			if err := registries[0].pushImage(each, o.parallel); err != nil {
				return done, err
			}
			done.add(int64(o.layers)*o.size, started)
			sum := sha256.Sum256(each.manifest)
			done.digests = append(done.digests, "sha256:"+hex.EncodeToString(sum[:]))
		}
		return done, nil
	}, nil
}

// prepareImagePulls pulls what prepareImagePushes has pushed: images by their tags.
func prepareImagePulls(o *options) (work, error) {
	registries, err := o.registries(1)
	if err != nil {
		return nil, err
	}
	return func() (done tally, err error) {
		for number := 0; number < o.count; number++ {
			started := time.Now()
			size, err := registries[0].pullImage(tag(number), o.layers, o.parallel)
			if err != nil {
				return done, err
			}
			done.add(size, started)
		}
		return done, nil
	}, nil
}

// pushImage pushes layers, some at the same time, then the config and the manifest.
func (r *registry) pushImage(i image, parallel int) error {
	err := eachOf(i.layers, parallel, r.pushLayer)
	if err == nil {
		err = r.pushLayer(i.config)
	}
	if err != nil {
		return err
	}
	request, err := http.NewRequest("PUT", r.base+"/manifests/"+i.tag, bytes.NewReader(i.manifest))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", manifestType)
	_, _, err = r.send(request, http.StatusCreated)
	return err
}

// pushLayer looks whether a layer is there, pushes it, and looks again, as docker does.
func (r *registry) pushLayer(b blob) error {
	target := r.base + "/blobs/" + b.digest
	if _, err := r.ask("HEAD", target, nil, http.StatusNotFound); err != nil {
		return err
	}
	if err := r.push(b, true); err != nil {
		return err
	}
	_, err := r.ask("HEAD", target, nil, http.StatusOK)
	return err
}

// pullImage pulls a manifest and what it names, some layers at the same time.
func (r *registry) pullImage(tag string, layers, parallel int) (int64, error) {
	request, err := http.NewRequest("GET", r.base+"/manifests/"+tag, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept", manifestType)
	answer, _, err := r.send(request, http.StatusOK)
	if err != nil {
		return 0, err
	}
	var read manifest
	if err := json.Unmarshal(answer, &read); err != nil {
		return 0, err
	}
	if len(read.Layers) != layers {
		return 0, fmt.Errorf("%d layers", len(read.Layers))
	}
	pulling := func(d descriptor) error {
		size, err := r.pull(d.Digest, nil)
		if err == nil && size != d.Size {
			err = fmt.Errorf("%d bytes instead of %d", size, d.Size)
		}
		return err
	}
	if err := pulling(read.Config); err != nil {
		return 0, err
	}
	var size int64
	for _, layer := range read.Layers {
		size += layer.Size
	}
	return size, eachOf(read.Layers, parallel, pulling)
}

// eachOf does something with each, with some at the same time.
func eachOf[T any](all []T, parallel int, do func(T) error) error {
	left := make(chan T, len(all))
	for _, each := range all {
		left <- each
	}
	close(left)
	_, err := together(parallel, func(int) (done tally, err error) {
		for each := range left {
			if err := do(each); err != nil {
				return done, err
			}
		}
		return done, nil
	})
	return err
}

func describe(b blob, mediaType string) descriptor {
	return descriptor{mediaType, b.digest, b.size}
}

func tag(number int) string { return fmt.Sprintf("v%d", number) }
