//go:build unix

package main_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/natsbus"
)

// ill is an installation in which something is wrong.
type ill struct {
	*testing.T
	dir  string
	args []string // of the program
}

func (i *ill) socket() string { return socketIn(i.dir) }

// credentials is where a fake collector keeps those of its clients.
func (i *ill) credentials() string { return i.socket() + ".credentials" }

// collector starts a fake collector that is told things.
func (i *ill) collector(commands ...string) *collector {
	i.Helper()
	return i.listening("", commands...)
}

func (i *ill) listening(address string, commands ...string) *collector {
	i.Helper()
	var addresses []string
	if address != "" {
		addresses = []string{address}
	}
	c, err := start(i.socket(), addresses...)
	require.NoError(i, err)
	i.Cleanup(func() { _ = c.kill() }) // it may have ended in the test
	for _, command := range commands {
		require.NoError(i, c.do(command))
	}
	return c
}

// file makes a file and returns its path.
func (i *ill) file(name, content string) string {
	i.Helper()
	path := filepath.Join(i.dir, name)
	require.NoError(i, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// configured makes a configuration the one that is looked at.
func (i *ill) configured(text string) {
	i.Helper()
	i.args = append(i.args, "--config", i.file("eventbus.toml", text))
}

func (i *ill) mode(path string, mode os.FileMode) {
	i.Helper()
	require.NoError(i, os.Chmod(path, mode))
}

// closedPort is an address at which nobody listens. One that was free a moment ago may be given to a listener of another test.
const closedPort = "127.0.0.1:1"

// diagnosis is what doctor says as JSON.
type diagnosis struct {
	Healthy  bool
	Findings []struct{ Check, Problem, Remedy string }
	Checks   []struct{ Check, Result, Skipped string }
}

// examine runs the program until it says what it has to. Programs on a busy machine may take longer to answer than it waits: then they get
// more time.
func (i *ill) examine(enough func(d diagnosis, code int) bool) (d diagnosis, code int) {
	i.Helper()
	for _, wait := range []string{"300ms", "3s", "20s"} {
		if d, code = i.examineOnce(wait); enough(d, code) {
			break
		}
	}
	return d, code
}

// healthy is enough for what must have no findings.
func healthy(_ diagnosis, code int) bool { return code == 0 }

// examineOnce runs the program, which waits that long for each answer.
func (i *ill) examineOnce(wait string) (d diagnosis, code int) {
	i.Helper()
	cmd := exec.Command("eventbus", append([]string{"doctor", "-o", "json", "--wait", wait}, i.args...)...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+i.dir, "XDG_STATE_HOME="+i.dir+"/state", "GORACE="+noRaceDelay)
	cmd.Stderr = os.Stderr
	out, _ := cmd.Output() // the exit code says it better
	require.NoError(i, json.Unmarshal(out, &d), "%s", out)
	return d, cmd.ProcessState.ExitCode()
}

// illness is a fault, what makes it, and what is said of it.
type illness struct {
	check, name     string
	make            func(i *ill)
	problem, remedy string // regular expressions
}

// foundIn returns the finding of it.
func (one *illness) foundIn(d diagnosis) (remedy string, found bool) {
	for _, finding := range d.Findings {
		if finding.Check == one.check && regexp.MustCompile(one.problem).MatchString(finding.Problem) {
			return finding.Remedy, true
		}
	}
	return "", false
}

var illnesses = []illness{
	{"configuration", "unknown key", func(i *ill) { i.configured("[event_bus]\nqueue_capacitty = 5\n") }, `eventbus\.toml:2: event_bus\.queue_capacitty: unknown key, did you mean event_bus\.queue_capacity`, `Correct it`},
	{"configuration", "no file", func(i *ill) { i.args = []string{"--config", i.dir + "/none.toml"} }, `none\.toml: no such file`, `Correct it`},
	{"configuration", "a table of ours", func(i *ill) { i.configured("[log]\nlevel = 'loud'\n[collect]\nwhatever = 1\n") }, `log\.level = "loud"`, `Correct it`},
	{"configuration", "local", func(i *ill) { i.configured("[event_bus]\nbus_type = 'local'\n") }, `nobody can attach`, `bus_type = "nats"`},
	{"deprecated-keys", "", func(i *ill) { i.configured("[event_bus]\nbus_type = 'daemoneye'\nbuffer_size = 5\n") }, `eventbus\.toml:[23]: event_bus\.\w+ .*is deprecated`, `Change it`},
	{"certificate", "none there", func(i *ill) {
		i.configured("[event_bus.nats]\ntls_cert = '/none.pem'\ntls_key = '/none.key'\nlisten = '0.0.0.0:0'\n")
	}, `/none\.pem and the key /none\.key cannot be used`, `in PEM`},
	{"certificate", "expired", func(i *ill) { i.certificate(-10, -1) }, `has expired at`, `Renew it`},
	{"certificate", "soon", func(i *ill) { i.certificate(-10, 5) }, `expires in [45] days`, `Renew it`},
	{"certificate", "not yet", func(i *ill) { i.certificate(5, 100) }, `is not valid before`, `clock`},
	{"certificate", "open key", func(i *ill) { i.mode(i.certificate(-1, 100), 0o644) }, `cert\.key has mode 0644`, `chmod 600 .*cert\.key`},
	{"certificate-authorities", "none there", func(i *ill) { i.configured("[event_bus.nats.leaf]\ntls_ca = '/none.pem'\n") }, `/none\.pem: no such file`, `Put the authorities`},
	{"certificate-authorities", "no PEM", func(i *ill) { i.configured("[event_bus.nats.leaf]\ntls_ca = '" + i.file("ca.pem", "x") + "'\n") }, `ca\.pem cannot be used: it holds no certificate`, `PEM`},
	{"certificate-authorities", "expired", func(i *ill) {
		i.certificate(-10, -1)
		i.args = nil
		i.configured("[event_bus.nats.leaf]\ntls_ca = '" + i.dir + "/cert.pem'\n")
	}, `has expired`, `Renew it`},
	{"hub", "", func(i *ill) {
		i.configured("[event_bus.nats.leaf]\nhub = 'nats://user:secret@" + closedPort + "'\n")
	}, `^The hub nats://127\.0\.0\.1:\d+ is away: .*refused`, `hub runs`},
	{"socket-path", "", func(i *ill) { i.args = []string{"--socket", "/" + strings.Repeat("s", 200)} }, `201 bytes long`, `shorter`},
	{"runtime-directory", "open", func(i *ill) { i.collector("answer a v1.0.0"); i.mode(i.dir+"/eventbus", 0o755) }, `/eventbus: has mode 0755, which lets other users in`, `^Run chmod 700 .*/eventbus$`},
	{"runtime-directory", "a link", func(i *ill) { require.NoError(i, os.Symlink(i.TempDir(), i.dir+"/eventbus")) }, `is a symbolic link`, `Remove the link`},
	{"runtime-directory", "no directory", func(i *ill) { i.file("eventbus", "") }, `is not a directory`, `Move .* away`},
	{"socket", "none", func(*ill) {}, `no socket at .*/eventbus\.sock: no collector runs`, `Start collector`},
	{"socket", "a file in the way", func(i *ill) {
		require.NoError(i, os.Mkdir(i.dir+"/eventbus", 0o700))
		i.file("eventbus/eventbus.sock", "")
	}, `eventbus\.sock is in the way`, `Move it away`},
	{"server", "killed", func(i *ill) { require.NoError(i, i.collector().kill()) }, `eventbus\.sock is a socket that nobody listens on`, `Start a collector`},
	{"token", "open", func(i *ill) { i.collector(); i.mode(i.socket()+".token", 0o644) }, `token: has mode 0644`, `^Run chmod 600 .*\.token$`},
	{"token", "missing", func(i *ill) { i.collector(); require.NoError(i, os.Remove(i.socket()+".token")) }, `token is missing`, `Restart`},
	{"listener", "killed", func(i *ill) { require.NoError(i, i.listening("127.0.0.1:0").kill()) }, `\.listen says nats://127\.0\.0\.1:\d+, but nobody listens there`, `Restart`},
	{"proxy", "killed", func(i *ill) {
		i.collector()
		p := run(i.T, i.dir, "proxy")
		p.line()
		require.NoError(i, p.cmd.Process.Kill())
		_ = p.cmd.Wait() // says that it was killed
	}, `\.proxy says nats://127\.0\.0\.1:\d+, but nobody listens there`, `eventbus proxy again`},
	{"listen-address", "taken", func(i *ill) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(i, err)
		i.Cleanup(func() { require.NoError(i, listener.Close()) })
		i.configured("[event_bus.nats]\nlisten = '" + listener.Addr().String() + "'\n")
	}, `Nobody could listen at 127\.0\.0\.1:\d+: .*in use`, `Stop what uses`},
	{"listen-address", "none", func(i *ill) { i.collector(); i.configured("[event_bus.nats]\nlisten = '127.0.0.1:4222'\n") }, `server that runs at .* has none`, `Restart`},
	{"listen-address", "another", func(i *ill) {
		i.listening("127.0.0.1:0")
		i.configured("[event_bus.nats]\nlisten = '" + closedPort + "'\n")
	}, `server that runs listens at nats://127`, `Restart`},
	{"credentials-directory", "", func(i *ill) { i.listening("127.0.0.1:0"); i.usual(); i.mode(i.credentials(), 0o711) }, `credentials: has mode 0711`, `^Run chmod 700 .*credentials$`},
	{"credentials", "open", func(i *ill) { i.listening("127.0.0.1:0"); i.usual(); i.mode(i.credentials()+"/agent.nk", 0o640) }, `agent\.nk: has mode 0640`, `^Run chmod 600 .*agent\.nk$`},
	{"credentials", "exchanged", func(i *ill) {
		i.listening("127.0.0.1:0")
		i.usual()
		require.NoError(i, os.Rename(i.credentials()+"/agent.nk", i.credentials()+"/observer.nk"))
	}, `observer\.nk: belongs to another key`, `eventbus creds rotate observer`},
	{"credentials", "strange", func(i *ill) {
		i.listening("127.0.0.1:0")
		i.usual()
		require.NoError(i, os.WriteFile(i.credentials()+"/note\x1b", nil, 0o600))
	}, `is not the file of a credential`, `Move it out`},
	{"listener-credentials", "", func(i *ill) {
		i.listening("127.0.0.1:0")
		i.usual()
		store, err := credentials.Open(i.credentials())
		require.NoError(i, err)
		all, _, err := store.List(i.Context())
		require.NoError(i, err)
		for _, one := range all {
			require.NoError(i, store.Revoke(i.Context(), one.Name))
		}
	}, `there is no credential in .*: nobody gets in`, `eventbus creds make`},
	{"attach", "no such key", func(i *ill) {
		i.listening("127.0.0.1:0")
		seed, err := os.ReadFile(i.credentials() + "/agent.nk")
		require.NoError(i, err)
		store, err := credentials.Open(i.credentials())
		require.NoError(i, err)
		require.NoError(i, store.Revoke(i.Context(), "agent"))
		i.args = []string{"--creds", i.file("old.nk", string(seed))}
	}, `This tool cannot attach: .*uthoriz`, `credential that the server knows`},
	{"attach", "no server", func(i *ill) { i.args = []string{"--url", "nats://" + closedPort} }, `This tool cannot attach: nothing to attach to at nats://`, `Check the address`},
	{"answers", "", func(i *ill) { i.collector() }, `No program on the bus at .* answers`, `Restart the collector`},
	{"answers", "forbidden", func(i *ill) {
		i.listening("127.0.0.1:0", "answer a v1.0.0")
		i.args = []string{"--creds", i.credentials() + "/process.nk"}
	}, `may not ask`, `credential of an observer`},
	{"running-configuration", "", func(i *ill) {
		config := i.file("serve.toml", "")
		served := run(i.T, i.dir, "serve", "--config", config)
		served.line()
		i.file("serve.toml", "[event_bus]\nmax_subscribers = 77\n")
		require.NoError(i, served.cmd.Process.Signal(syscall.SIGHUP))
		b := attachTo(i.T, i.dir)
		require.NoError(i, await("the reload", func() (bool, error) {
			report, err := control.Configuration(i.Context(), b, "", "event_bus.max_subscribers")
			return err == nil && len(report.Settings) == 1 && report.Settings[0].Pending != nil, nil // who asks too often is refused
		}))
	}, `still has event_bus\.max_subscribers = 1000, although the configuration says 77 by now`, `Restart it`},
	{"hub", "of the program that runs", func(i *ill) {
		run(i.T, i.dir, "serve", "--config", i.file("serve.toml", "[event_bus.nats.leaf]\nhub = 'nats://"+closedPort+"'\n")).line()
	}, `^The hub nats://127\.0\.0\.1:\d+ is away: .*refused`, `hub runs`},
	{"health", "", func(i *ill) { i.collector("unwell a") }, `^a is degraded: the disk is full`, `log`},
	{"identities", "", func(i *ill) {
		i.collector("answer a (devel)")
		other, err := control.Serve(i.Context(), i.as("collector"), control.Options{ID: "a", Program: "second"})
		require.NoError(i, err)
		i.Cleanup(other.Stop)
	}, `^2 programs are called a: (fake|second), process \d+ on .+, and (fake|second), process \d+ on `, `health\.id`},
	{"health", "away", func(i *ill) { i.collector(`tell {"id":"a","statistics":{"disconnected_for_ns":5000000000}}`) }, `^a has not been connected to its server for 5s`, `comes back`},
	{"version", "", func(i *ill) { i.collector("answer a v1.0.0", "answer b v1.1.0") }, `v1\.0\.0 \(a\), v1\.1\.0 \(b\)`, `same version`},
	{"clock", "", func(i *ill) { i.collector("behind a") }, `clock of a, on "", is 1h0m\d+(\.\d)?s apart`, `NTP`},
	{"heartbeats", "", func(i *ill) { i.collector("answer a v1.0.0", "missed b") }, `^a misses the heartbeats of b, which was last heard \d+s ago`, `start it again`},
	{"drops", "", func(i *ill) { i.collector("answer a v1.0.0", "stuck 4", "burst 10") }, `^a has dropped 6 events because .* \(overflow\), such as of stuck, since it was started .* ago, none of them just now$`, `queue_capacity`},
	{"losses", "", func(i *ill) { i.collector("answer a v1.0.0", "stuck 4", "numbered 1 5") }, `^3 events did not reach a`, `log`},
	{"slow-subscribers", "", func(i *ill) { i.collector("answer a v1.0.0", "stuck 4", "burst 10") }, `^The subscriber stuck of a has kept its queue of 4 events full for`, `Make it faster`},
	{"slow-subscribers", "circuit", func(i *ill) { i.collector("answer a v1.0.0", "fragile", "burst 100") }, `^The circuit of the subscriber fragile of a is open`, `Make it faster`},
	{"slow-clients", "", func(i *ill) {
		i.collector(`tell {"id":"a","statistics":{"connected":true},"server":{"slow_clients":2}}`)
	}, `server of a has disconnected clients that did not read, 2 times`, `read faster`},
	{"refused", "malformed", func(i *ill) { i.collector("answer a v1.0.0", "stuck 4", "garbage") }, `^a counts malformed=1 \(messages that are no events\) since it was started .* ago, and not just now$`, `wire\.md`},
	{"refused", "forged", func(i *ill) {
		i.listening("127.0.0.1:0", "answer a v1.0.0", "stuck 4")
		b := i.as("process")
		require.NoError(i, b.Publish(i.Context(), bus.Event{Source: "network", Payload: &bus.ProcessEvent{PID: 1, Name: "p"}}))
		require.NoError(i, b.Flush(i.Context()))
	}, `^a counts forged=1 \(messages in another's name\)`, `eventbus creds revoke`},
	{"refused", "forbidden", func(i *ill) {
		i.listening("127.0.0.1:0", "stuck 4")
		b := i.as("process")
		_, err := control.Serve(i.Context(), b, control.Options{ID: "a"})
		require.NoError(i, err)
		// Somebody has to want it, or it is not even sent.
		_ = b.Publish(i.Context(), bus.Event{Topic: "events.network.dns", Payload: &bus.ProcessEvent{PID: 1, Name: "p"}})
		require.NoError(i, await("the refusal", func() (bool, error) { return b.Statistics().Forbidden > 0, nil }))
	}, `^a counts forbidden=\d+ \(messages that the server refused`, `role`},
	{"throughput", "", func(i *ill) { i.collector(`tell {"id":"a","statistics":{"connected":true,"unsent":5}}`) }, `^a counts unsent=5 \(events that others wanted`, `CPU`},
	{"collectors", "failed", func(i *ill) {
		i.collector(`tell {"id":"a","statistics":{"connected":true},"collectors":[{"name":"c","failed":2}]}`)
	}, `^The collector c of a could not publish 2 events`, `max_payload`},
	{"collectors", "slow", func(i *ill) {
		i.collector(`tell {"id":"a","statistics":{"connected":true},"collectors":[{"name":"c","interval_ns":1000000,"last_scan_ns":2000000}]}`)
	}, `took 2ms, which is longer than its interval of 1ms`, `Raise its interval`},
}

// usual makes the credentials of the fake collector those that are looked at.
func (i *ill) usual() {
	i.Helper()
	i.configured("[event_bus.nats]\ncredentials_dir = '" + i.credentials() + "'\n")
}

// as attaches with the credential of a role.
func (i *ill) as(role string) *natsbus.Bus {
	i.Helper()
	b, err := natsbus.Attach(i.Context(), i.socket(), &natsbus.Options{Credentials: filepath.Join(i.credentials(), role+".nk")})
	require.NoError(i, err)
	i.Cleanup(func() { _ = b.Shutdown(i.Context()) }) // the server may have ended
	return b
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	tested := make(map[string]bool)
	for _, one := range illnesses {
		tested[one.check] = true
		t.Run(strings.TrimSuffix(one.check+"/"+one.name, "/"), func(t *testing.T) {
			t.Parallel() // most of them wait for answers
			i := &ill{T: t, dir: runtimeDir(t)}
			one.make(i)
			d, code := i.examine(func(d diagnosis, _ int) bool { _, found := one.foundIn(d); return found })
			require.Equal(t, 1, code)
			require.False(t, d.Healthy)
			remedy, found := one.foundIn(d)
			require.True(t, found, "%+v", d)
			require.Regexp(t, one.remedy, remedy)
		})
	}
	t.Run("every check has its fault", func(t *testing.T) {
		d, _ := (&ill{T: t, dir: runtimeDir(t)}).examineOnce("1s") // nobody is asked
		for _, check := range d.Checks {
			switch check.Check {
			case "file-limit": // see the test for Linux
			default:
				require.True(t, tested[check.Check], check.Check)
			}
		}
	})
}

// Of two programs of one id nobody is judged by the other's configuration, here that of the second, whose hub is away.
func TestDoctorTakesNoProgramForItsNamesake(t *testing.T) {
	i := &ill{T: t, dir: runtimeDir(t)}
	first := "[health]\nid = 'a'\n[event_bus.nats]\nshared = 'attach'\n"
	run(t, i.dir, "serve", "--config", i.file("first.toml", first)).line()
	run(t, i.dir, "serve", "--config", i.file("second.toml", first+"leaf.hub = 'nats://"+closedPort+"'\n")).line()
	d, code := i.examine(func(d diagnosis, _ int) bool { return len(d.Findings) == 1 && d.Findings[0].Check == "identities" })
	require.Equal(t, 1, code)
	require.Len(t, d.Findings, 1, "%+v", d)
	require.Equal(t, "identities", d.Findings[0].Check)
	for _, check := range d.Checks {
		if check.Check == "running-configuration" {
			require.Equal(t, "2 programs are called a, and the answer could be another's", check.Skipped)
		}
	}
}

// A healthy installation has no findings, whatever can be looked at.
func TestDoctorFindsNothing(t *testing.T) {
	i := &ill{T: t, dir: runtimeDir(t)}
	c := i.listening("127.0.0.1:0", "answer a v1.0.0 100ms")
	require.NoError(t, c.do("burst 10"))
	url, err := rendezvous.ReadListen(i.socket())
	require.NoError(t, err)
	i.certificate(-10, 100)
	i.args = nil
	i.configured("[event_bus.nats]\ncredentials_dir = '" + i.credentials() + "'\nlisten = '" + strings.TrimPrefix(url, "nats://") +
		"'\ntls_cert = '" + i.dir + "/cert.pem'\ntls_key = '" + i.dir + "/cert.key'\ntls_ca = '" + i.dir + "/cert.pem'\n" +
		"[event_bus.nats.leaf]\nhub = '" + url + "'\n")
	d, code := i.examine(healthy)
	require.Zero(t, code, "%+v", d)
	require.True(t, d.Healthy)
	require.Empty(t, d.Findings)
	for _, check := range d.Checks {
		if check.Result == "skipped" {
			require.Contains(t, []string{"proxy", "file-limit", "running-configuration", "version"}, check.Check, check.Skipped)
		}
	}
}
