module caravan.invalid/lab/mirror/cni-plugins

go 1.16

require github.com/containernetworking/plugins v1.0.1
