module caravan.invalid/lab/mirror/pause

go 1.20
