package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"sort"
	"strings"
)

func (n *node) http() http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		name, password, given := request.BasicAuth()
		if !given {
			name = "crate"
		}
		n.mutex.Lock()
		allowed, ready := n.allows(name, password, request.RemoteAddr), n.ready()
		n.mutex.Unlock()
		status, body := http.StatusOK, any(map[string]any{"ok": ready, "status": 200, "name": n.settings["node.name"], "stand_in": true})
		switch {
		case !allowed:
			writer.Header().Set("WWW-Authenticate", `Basic realm="CrateDB Authenticator"`)
			status, body = http.StatusUnauthorized, failure(4011, "authentication failed for user "+name)
		case !ready:
			status = http.StatusServiceUnavailable
		case request.URL.Path == "/_sql" && request.Method == http.MethodPost:
			var asked struct {
				Stmt string
				Args []string
			}
			if err := json.NewDecoder(http.MaxBytesReader(writer, request.Body, 1<<20)).Decode(&asked); err != nil {
				status, body = http.StatusBadRequest, failure(4000, err.Error())
			} else {
				status, body = n.sql(asked.Stmt, asked.Args)
			}
		}
		writer.Header().Set("Content-Type", "application/json")
		writer.WriteHeader(status)
		_ = json.NewEncoder(writer).Encode(body)
	})
}

// allows is host-based authentication as Caravan sets it: crate from loopback, everybody else by a password.
func (n *node) allows(name, password, remote string) bool {
	if n.settings["auth.host_based.enabled"] != "true" {
		return true
	}
	host, _, _ := net.SplitHostPort(remote)
	if name == "crate" {
		return net.ParseIP(host).IsLoopback()
	}
	known, exists := n.disk.Users[name]
	return exists && password != "" && known.Password == password
}

func failure(code int, message string) map[string]any {
	return map[string]any{"error": map[string]any{"code": code, "message": "SQLParseException[" + message + "]"}}
}

func rows(column string, values ...any) (int, any) {
	all := [][]any{}
	for _, value := range values {
		all = append(all, []any{value})
	}
	return http.StatusOK, map[string]any{"cols": []string{column}, "rows": all, "rowcount": len(all), "duration": 0.1}
}

var (
	userStatement  = regexp.MustCompile(`^(CREATE|ALTER) USER "?(\w+)"? (?:WITH|SET) \(password = \?\)$`)
	grantStatement = regexp.MustCompile(`^GRANT ALL PRIVILEGES TO "?(\w+)"?$`)
)

func (n *node) sql(stmt string, args []string) (int, any) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	alive := n.alive()
	missing := 0
	if len(alive) < n.number("gateway.expected_data_nodes", 1) {
		missing = 1
	}
	argument := ""
	if len(args) > 0 {
		argument = args[0]
	}
	if found := userStatement.FindStringSubmatch(stmt); found != nil && len(args) == 1 {
		known, exists := n.disk.Users[found[2]]
		if exists == (found[1] == "CREATE") {
			return http.StatusConflict, failure(4099, fmt.Sprintf("%s USER %s: exists: %v", found[1], found[2], exists))
		}
		return n.change(found[2], user{Password: argument, Privileges: known.Privileges})
	}
	if found := grantStatement.FindStringSubmatch(stmt); found != nil {
		known, exists := n.disk.Users[found[1]]
		if !exists {
			return http.StatusNotFound, failure(4044, "UserUnknown "+found[1])
		}
		return n.change(found[1], user{Password: known.Password, Privileges: 4})
	}
	switch {
	case stmt == "SELECT 1":
		return rows("1", 1)
	case strings.Contains(stmt, "count(*) FROM sys.users"):
		if _, exists := n.disk.Users[argument]; exists {
			return rows("count(*)", 1)
		}
		return rows("count(*)", 0)
	case strings.Contains(stmt, "count(*) FROM sys.privileges"):
		return rows("count(*)", n.disk.Users[argument].Privileges)
	case strings.HasPrefix(stmt, "SELECT count(*) FROM sys.nodes"):
		return rows("count(*)", len(alive))
	case strings.HasPrefix(stmt, "SELECT name FROM sys.nodes"):
		names := []string{}
		for name := range alive {
			names = append(names, name)
		}
		sort.Strings(names)
		return rows("name", anys(names)...)
	case strings.Contains(stmt, "FROM sys.health"), strings.Contains(stmt, "FROM sys.node_checks"):
		return rows("count(*)", missing)
	case strings.HasPrefix(stmt, "SELECT master_node FROM sys.cluster"):
		return rows("master_node", n.master())
	case stmt == "SELECT id FROM stand_in.node":
		return rows("id", n.disk.ID)
	case stmt == "SELECT starts FROM stand_in.node":
		return rows("starts", n.disk.Starts)
	}
	return http.StatusBadRequest, failure(4000, "the stand-in does not know: "+stmt)
}

func anys(texts []string) []any {
	all := []any{}
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}

func (n *node) change(name string, to user) (int, any) {
	users := map[string]user{name: to}
	for other, known := range n.disk.Users {
		if other != name {
			users[other] = known
		}
	}
	n.disk.Users, n.disk.Version = users, n.disk.Version+1
	if err := n.save(); err != nil {
		return http.StatusInternalServerError, failure(5000, err.Error())
	}
	return http.StatusOK, map[string]any{"cols": []string{}, "rows": [][]any{}, "rowcount": 1}
}
