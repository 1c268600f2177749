package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// user of the cluster; the password is kept as it is, since this is no database.
type user struct {
	Password   string `json:"password"`
	Privileges int    `json:"privileges"`
}

// disk is what a node keeps. Users are the cluster's: the highest version wins.
type disk struct {
	ID      string          `json:"id"`
	Cluster string          `json:"cluster"`
	Starts  int             `json:"starts"`
	Version int             `json:"version"`
	Users   map[string]user `json:"users"`
}

// hello is what two nodes tell each other.
type hello struct {
	ClusterName string          `json:"cluster_name"`
	Name        string          `json:"name"`
	ID          string          `json:"id"`
	Address     string          `json:"address"` // published
	Cluster     string          `json:"cluster"`
	Recovered   bool            `json:"recovered"`
	Version     int             `json:"version"`
	Users       map[string]user `json:"users"`
	Peers       []string        `json:"peers"`
}

type peer struct {
	hello hello
	seen  time.Time
}

type node struct {
	mutex     sync.Mutex
	settings  map[string]string
	path      string
	disk      disk
	peers     map[string]peer // by id; reached at the address that they publish
	recovered bool
	began     time.Time
}

func randomID() string {
	bytes := make([]byte, 12)
	_, _ = rand.Read(bytes)
	return hex.EncodeToString(bytes)
}

func open(path string, settings map[string]string) (*node, error) {
	n := &node{settings: settings, path: path, peers: map[string]peer{}, began: time.Now()}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &n.disk)
	} else if os.IsNotExist(err) {
		n.disk.ID, err = randomID(), nil
	}
	if err != nil {
		return nil, err
	}
	if n.disk.Users == nil {
		n.disk.Users = map[string]user{}
	}
	n.disk.Starts++
	return n, n.save()
}

func (n *node) save() error {
	text, _ := json.Marshal(n.disk)
	file, err := os.OpenFile(n.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(n.path+".new", n.path)
	}
	return err
}

func (n *node) number(name string, otherwise int) int {
	if value, err := strconv.Atoi(n.settings[name]); err == nil {
		return value
	}
	return otherwise
}

func (n *node) masters() []string {
	return strings.Split(n.settings["cluster.initial_master_nodes"], ",")
}

// alive are the names and ids of all nodes that were reached in the last seconds, and of this one.
func (n *node) alive() map[string]string {
	names := map[string]string{n.settings["node.name"]: n.disk.ID}
	for id, other := range n.peers {
		if time.Since(other.seen) < 5*time.Second {
			names[other.hello.Name] = id
		}
	}
	return names
}

// master is the id of the first of the masters that is there, if a majority of them is.
func (n *node) master() string {
	alive, present := n.alive(), []string{}
	for _, name := range n.masters() {
		if _, there := alive[name]; there {
			present = append(present, name)
		}
	}
	if len(present)*2 <= len(n.masters()) {
		return ""
	}
	sort.Strings(present)
	return alive[present[0]]
}

// ready says whether the cluster has a master and has recovered its state, as CrateDB's gateway settings have it.
func (n *node) ready() bool {
	if n.master() == "" {
		return false
	}
	alive := len(n.alive())
	wait, err := time.ParseDuration(n.settings["gateway.recover_after_time"])
	if err != nil {
		wait = 5 * time.Minute
	}
	enough := alive >= n.number("gateway.expected_data_nodes", 1) ||
		alive >= n.number("gateway.recover_after_data_nodes", 1) && time.Since(n.began) > wait
	for _, other := range n.peers {
		enough = enough || other.hello.Recovered && time.Since(other.seen) < 5*time.Second
	}
	n.recovered = n.recovered || enough
	// one node alone may found the cluster: two that see different parts of it would found two
	if n.recovered && n.disk.Cluster == "" && n.settings["node.name"] == n.masters()[0] {
		n.disk.Cluster = randomID()
		_ = n.save()
	}
	return n.recovered && n.disk.Cluster != ""
}
