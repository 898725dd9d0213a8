// A node of hashicorp/memberlist, as the oracle for ours. It prints events to standard output and reads commands from
// standard input, one a line each. The tests build it with the distribution's Go and memberlist.
//
//	peer -name NAME -bind 127.0.0.1:7946 [-profile local|lan|wan] [-key HEX[,HEX...]] [-plain] [-meta TEXT] [-protocol N]
//	     [-application MIN,MAX,NOW]
//
//	commands: join HOST:PORT | members | meta TEXT | leave | send TEXT | stream TEXT | key add|use|remove HEX | quit
package main

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

var output sync.Mutex

func say(format string, values ...interface{}) {
	output.Lock()
	defer output.Unlock()
	fmt.Printf(format+"\n", values...)
}

func fail(err error) {
	if err != nil {
		say("error %v", err)
		os.Exit(1)
	}
}

// The library's log goes to the same output, with a prefix.
type log struct{}

func (log) Write(line []byte) (int, error) {
	say("log %s", strings.TrimSpace(string(line)))
	return len(line), nil
}

type events struct{}

func (events) NotifyJoin(n *memberlist.Node)   { say("join %s %s %s", n.Name, n.Address(), n.Meta) }
func (events) NotifyLeave(n *memberlist.Node)  { say("leave %s %s %s", n.Name, n.Address(), n.Meta) }
func (events) NotifyUpdate(n *memberlist.Node) { say("update %s %s %s", n.Name, n.Address(), n.Meta) }

type conflicts struct{}

func (conflicts) NotifyConflict(existing, other *memberlist.Node) {
	say("conflict %s %s %s", existing.Name, existing.Address(), other.Address())
}

type delegate struct {
	sync.Mutex
	meta []byte
}

func (d *delegate) NodeMeta(limit int) []byte {
	d.Lock()
	defer d.Unlock()
	return d.meta
}
func (d *delegate) NotifyMsg(message []byte)                   { say("message %s", message) }
func (d *delegate) GetBroadcasts(overhead, limit int) [][]byte { return nil }
func (d *delegate) LocalState(join bool) []byte                { return nil }
func (d *delegate) MergeRemoteState(buf []byte, join bool)     {}

func main() {
	name := flag.String("name", "", "")
	bind := flag.String("bind", "", "")
	profile := flag.String("profile", "local", "")
	keys := flag.String("key", "", "the primary one first")
	plain := flag.Bool("plain", false, "no compression")
	meta := flag.String("meta", "", "")
	protocol := flag.Int("protocol", memberlist.ProtocolVersion2Compatible, "1 pads what it encrypts")
	application := flag.String("application", "0,0,0", "versions of what is built upon it; Serf's are 2,5,4")
	flag.Parse()

	var config *memberlist.Config
	switch *profile {
	case "lan":
		config = memberlist.DefaultLANConfig()
	case "wan":
		config = memberlist.DefaultWANConfig()
	default:
		config = memberlist.DefaultLocalConfig()
	}
	host, port, err := net.SplitHostPort(*bind)
	fail(err)
	config.Name = *name
	config.BindAddr = host
	config.BindPort, err = strconv.Atoi(port)
	fail(err)
	config.AdvertiseAddr = host
	config.AdvertisePort = config.BindPort
	config.ProtocolVersion = uint8(*protocol)
	_, err = fmt.Sscanf(*application, "%d,%d,%d",
		&config.DelegateProtocolMin, &config.DelegateProtocolMax, &config.DelegateProtocolVersion)
	fail(err)
	config.EnableCompression = !*plain
	config.LogOutput = log{}
	config.Events = events{}
	config.Conflict = conflicts{}
	state := &delegate{meta: []byte(*meta)}
	config.Delegate = state
	if *keys != "" {
		var all [][]byte
		for _, text := range strings.Split(*keys, ",") {
			key, err := hex.DecodeString(text)
			fail(err)
			all = append(all, key)
		}
		config.Keyring, err = memberlist.NewKeyring(all, all[0])
		fail(err)
	}
	list, err := memberlist.Create(config)
	fail(err)
	say("ready")

	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		command, rest, _ := strings.Cut(input.Text(), " ")
		switch command {
		case "join":
			count, err := list.Join([]string{rest})
			say("joined %d %v", count, err)
		case "members":
			var names []string
			for _, n := range list.Members() {
				names = append(names, n.Name)
			}
			sort.Strings(names)
			say("members %s", strings.Join(names, ","))
		case "meta":
			state.Lock()
			state.meta = []byte(rest)
			state.Unlock()
			say("updated %v", list.UpdateNode(5*time.Second))
		case "send", "stream":
			for _, n := range list.Members() {
				if n.Name == *name {
					continue
				}
				send := list.SendBestEffort
				if command == "stream" {
					send = list.SendReliable
				}
				if err := send(n, []byte(rest)); err != nil {
					say("unsent %s %v", n.Name, err)
				}
			}
		case "key":
			verb, text, _ := strings.Cut(rest, " ")
			key, err := hex.DecodeString(text)
			fail(err)
			switch verb {
			case "add":
				err = config.Keyring.AddKey(key)
			case "use":
				err = config.Keyring.UseKey(key)
			case "remove":
				err = config.Keyring.RemoveKey(key)
			}
			say("key %v", err)
		case "leave":
			say("left %v", list.Leave(10*time.Second))
		case "quit":
			return
		}
	}
}
