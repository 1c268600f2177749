module crate-stand-in

go 1.21
