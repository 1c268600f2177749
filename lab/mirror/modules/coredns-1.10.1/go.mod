module caravan.invalid/lab/mirror/coredns

go 1.18

require github.com/coredns/coredns v1.10.1
