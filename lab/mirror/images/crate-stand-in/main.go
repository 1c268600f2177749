// crate-stand-in stands in for CrateDB in the lab, where the vendor's image cannot be pulled. It is no database. It takes
// the same arguments, finds its peers as CrateDB does (SRV records by the resolver of its container, then their published
// addresses), says 503 until it is in a cluster that has a master, and answers the few statements that Caravan asks.
// What it knows is in /data/data, so that a test can see whether an allocation came back to its data.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	log.SetOutput(os.Stdout)
	if filepath.Base(os.Args[0]) == "curl" {
		os.Exit(curl(os.Args[1:]))
	}
	settings := parse(os.Args[1:])
	log.Printf("stand-in for CrateDB, made by the lab: node %s, heap %s", settings["node.name"], os.Getenv("CRATE_HEAP_SIZE"))
	if err := bootstrapChecks(); err != nil {
		log.Fatalf("bootstrap checks failed: %v", err)
	}
	if err := becomeCrate("/data"); err != nil {
		log.Fatalf("/data: %v", err)
	}
	node, err := open("/data/data/node.json", settings)
	if err != nil {
		log.Fatalf("the data directory cannot be used: %v", err)
	}
	log.Printf("node id %s, started %d times on this data", node.disk.ID, node.disk.Starts)
	server := &http.Server{Handler: node.http()}
	go serve(":4300", node.transport)
	go serve(":5432", node.postgres)
	go node.discover()
	go func() { log.Fatal(listenHTTP(server)) }()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	log.Print("stopping ...")
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = server.Shutdown(deadline)
	log.Print("stopped")
	os.Exit(143) // as a JVM that a SIGTERM ends
}

func listenHTTP(server *http.Server) error {
	listener, err := net.Listen("tcp", ":4200")
	if err != nil {
		return err
	}
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	select {}
}

func serve(address string, handle func(net.Conn)) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	for {
		if connection, err := listener.Accept(); err == nil {
			go func() { defer connection.Close(); handle(connection) }()
		}
	}
}

// parse takes `crate -Cname=value …`.
func parse(args []string) map[string]string {
	settings := map[string]string{}
	for _, arg := range args {
		name, value, found := strings.Cut(strings.TrimPrefix(arg, "-C"), "=")
		if arg == "crate" {
			continue
		}
		if !strings.HasPrefix(arg, "-C") || !found {
			log.Fatalf("unknown argument %q", arg)
		}
		settings[name] = value
	}
	return settings
}

// bootstrapChecks are those of CrateDB that depend on the host.
func bootstrapChecks() error {
	text, err := os.ReadFile("/proc/sys/vm/max_map_count")
	if err != nil {
		return err
	}
	var count int
	if _, err := fmt.Sscan(string(text), &count); err != nil || count < 262144 {
		return fmt.Errorf("max virtual memory areas vm.max_map_count [%d] is too low, increase to at least [262144]", count)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Max < 65536 {
		// fatal for CrateDB; in the lab it is this computer that sets the limit
		log.Printf("warning: max file descriptors [%d] is too low, CrateDB needs at least [65536]", limit.Max)
	}
	return nil
}

// becomeCrate is what the vendor's entry point does: everything below is given to the user crate, 1000.
func becomeCrate(root string) error {
	if os.Getuid() != 0 {
		return nil
	}
	err := filepath.Walk(root, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 1000, 1000)
	})
	if err != nil {
		return err
	}
	if err := syscall.Setgid(1000); err != nil {
		return err
	}
	return syscall.Setuid(1000)
}

// curl is as much of it as a check needs: curl -sf -m SECONDS -o /dev/null URL
func curl(args []string) int {
	client := http.Client{Timeout: 3 * time.Second}
	answer, err := client.Get(args[len(args)-1])
	if err != nil {
		return 7
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 400 {
		return 22
	}
	return 0
}
