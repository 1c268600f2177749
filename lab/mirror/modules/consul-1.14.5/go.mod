module caravan.invalid/lab/mirror/consul

go 1.20

require github.com/hashicorp/consul v1.14.5

replace (
	github.com/hashicorp/consul/api => github.com/hashicorp/consul/api v1.18.0
	github.com/hashicorp/consul/proto-public => github.com/hashicorp/consul/proto-public v0.2.1
	github.com/hashicorp/consul/sdk => github.com/hashicorp/consul/sdk v0.13.0
	launchpad.net/gocheck => github.com/go-check/check v0.0.0-20140225173054-eb6ee6f84d0a
)
