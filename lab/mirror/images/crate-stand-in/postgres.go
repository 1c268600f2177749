package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"time"
)

const (
	sslRequest = 80877103
	gssRequest = 80877104
)

// postgres speaks as much of the protocol (version 3) as it takes to sign in and to ask for one row.
// Source: PostgreSQL's documentation, "Frontend/Backend Protocol"
func (n *node) postgres(connection net.Conn) {
	_ = connection.SetDeadline(time.Now().Add(time.Minute))
	name, ok := startUp(connection)
	if !ok {
		return
	}
	n.mutex.Lock()
	trusted := n.allows(name, "", connection.RemoteAddr().String())
	n.mutex.Unlock()
	if !trusted && !n.signIn(connection, name) {
		send(connection, 'E', []byte("SFATAL\x00C28000\x00Mpassword authentication failed\x00\x00"))
		return
	}
	send(connection, 'R', number(0))
	send(connection, 'S', []byte("server_version\x0014.0\x00"))
	for {
		send(connection, 'Z', []byte{'I'})
		kind, _, err := receive(connection)
		if err != nil || kind == 'X' {
			return
		}
		if kind == 'Q' {
			send(connection, 'T', []byte("\x00\x011\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x17\x00\x04\xff\xff\xff\xff\x00\x00"))
			send(connection, 'D', []byte("\x00\x01\x00\x00\x00\x011"))
			send(connection, 'C', []byte("SELECT 1\x00"))
		}
	}
}

func startUp(connection net.Conn) (string, bool) {
	for {
		message, err := body(connection)
		if err != nil || len(message) < 4 {
			return "", false
		}
		switch binary.BigEndian.Uint32(message) {
		case sslRequest, gssRequest:
			_, _ = connection.Write([]byte{'N'})
		case 196608:
			words := bytes.Split(message[4:], []byte{0})
			for index := 0; index+1 < len(words); index += 2 {
				if string(words[index]) == "user" {
					return string(words[index+1]), true
				}
			}
			return "crate", true
		default:
			return "", false
		}
	}
}

func (n *node) signIn(connection net.Conn, name string) bool {
	send(connection, 'R', number(3))
	kind, password, err := receive(connection)
	if err != nil || kind != 'p' {
		return false
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.allows(name, string(bytes.TrimRight(password, "\x00")), connection.RemoteAddr().String())
}

func number(value uint32) []byte { return binary.BigEndian.AppendUint32(nil, value) }

func send(connection net.Conn, kind byte, message []byte) {
	_, _ = connection.Write(append(append([]byte{kind}, number(uint32(len(message)+4))...), message...))
}

func receive(connection net.Conn) (byte, []byte, error) {
	kind := make([]byte, 1)
	if _, err := io.ReadFull(connection, kind); err != nil {
		return 0, nil, err
	}
	message, err := body(connection)
	return kind[0], message, err
}

func body(connection net.Conn) ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(connection, length); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length)
	if size < 4 || size > 1<<16 {
		return nil, io.ErrUnexpectedEOF
	}
	message := make([]byte, size-4)
	_, err := io.ReadFull(connection, message)
	return message, err
}
