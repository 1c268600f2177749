module caravan.invalid/lab/mirror/consul

go 1.20

require github.com/hashicorp/consul v1.15.1

exclude (
	github.com/hashicorp/go-msgpack v1.1.5
	github.com/hashicorp/go-msgpack v1.1.6
)

replace (
	github.com/hashicorp/consul/api => github.com/hashicorp/consul/api v1.20.0
	github.com/hashicorp/consul/envoyextensions => github.com/hashicorp/consul/envoyextensions v0.1.2
	github.com/hashicorp/consul/proto-public => github.com/hashicorp/consul/proto-public v0.3.0
	github.com/hashicorp/consul/sdk => github.com/hashicorp/consul/sdk v0.13.1
	github.com/hashicorp/consul/troubleshoot => github.com/hashicorp/consul/troubleshoot v0.2.0
)
