package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"strconv"
	"strings"
	"time"
)

func (n *node) self() hello {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.ready()
	me := hello{
		ClusterName: n.settings["cluster.name"],
		Name:        n.settings["node.name"],
		ID:          n.disk.ID,
		Address:     net.JoinHostPort(n.settings["network.publish_host"], n.settings["transport.publish_port"]),
		Cluster:     n.disk.Cluster,
		Recovered:   n.recovered,
		Version:     n.disk.Version,
		Users:       n.disk.Users,
	}
	for _, other := range n.peers {
		me.Peers = append(me.Peers, other.hello.Address)
	}
	return me
}

// transport answers a node that connected.
func (n *node) transport(connection net.Conn) {
	_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
	var other hello
	if json.NewDecoder(connection).Decode(&other) == nil {
		_ = json.NewEncoder(connection).Encode(n.self())
	}
}

func (n *node) ask(address string) (hello, error) {
	var other hello
	connection, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		return other, err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(3 * time.Second))
	if err := json.NewEncoder(connection).Encode(n.self()); err != nil {
		return other, err
	}
	return other, json.NewDecoder(connection).Decode(&other)
}

// discover looks for peers every second: by SRV, whose targets are resolved once more, and by what peers know.
func (n *node) discover() {
	failing := false
	for ; ; time.Sleep(time.Second) {
		addresses, err := lookup(n.settings["discovery.srv.query"])
		if err != nil && !failing {
			log.Printf("discovery: %v", err)
		}
		failing = err != nil
		for _, address := range append(addresses, n.self().Peers...) {
			if other, err := n.ask(address); err == nil {
				n.meet(other)
			}
		}
	}
}

func lookup(query string) ([]string, error) {
	limit, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_, records, err := net.DefaultResolver.LookupSRV(limit, "", "", query)
	addresses := []string{}
	for _, record := range records {
		hosts, failed := net.DefaultResolver.LookupHost(limit, strings.TrimSuffix(record.Target, ".")+".")
		if failed != nil {
			err = failed
		}
		for _, host := range hosts {
			addresses = append(addresses, net.JoinHostPort(host, strconv.Itoa(int(record.Port))))
		}
	}
	return addresses, err
}

// meet takes a node for a peer only when it answers at the address that it publishes.
func (n *node) meet(other hello) {
	if other.ID == n.disk.ID || other.ClusterName != n.settings["cluster.name"] {
		return
	}
	again, err := n.ask(other.Address)
	if err != nil || again.ID != other.ID {
		log.Printf("discovery: %s does not answer at %s, which it publishes: %v", other.Name, other.Address, err)
		return
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if again.Cluster != "" && n.disk.Cluster != "" && again.Cluster != n.disk.Cluster {
		log.Printf("discovery: %s is of another cluster (%s, not %s)", again.Name, again.Cluster, n.disk.Cluster)
		return
	}
	if _, known := n.peers[again.ID]; !known {
		log.Printf("discovery: found %s at %s", again.Name, again.Address)
	}
	n.peers[again.ID] = peer{hello: again, seen: time.Now()}
	if (n.disk.Cluster == "" && again.Cluster != "") || again.Version > n.disk.Version {
		if again.Cluster != "" {
			n.disk.Cluster = again.Cluster
		}
		if again.Version > n.disk.Version {
			n.disk.Version, n.disk.Users = again.Version, again.Users
		}
		_ = n.save()
	}
}
