module txregistry/goclient

go 1.21
