// Verifies a Countenance audit log from files, as ../audit-log.md specifies it; section numbers are that page's.
// It stops at the first thing that does not hold. Of the members of entries it checks those that section 10 says it must.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	folder, origin string
	called         string // the log's name as far as its entries were read: section 4
	names          = map[string]bool{}
	receiptKeys    []note.Verifier                // of every name that it has had
	hashes         []tlog.Hash                    // as package tlog stores them
	events         = map[string]tlog.Hash{}       // event -> leaf hash
	chains         = map[string][]note.Verifier{} // section 4
	layout, aNote  = "2006-01-02T15:04:05.000Z", regexp.MustCompile(`(?s)\n*(.*?\n\n(?:— [^\n]*\n)+)`)
	reader         = tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
		for _, i := range indexes {
			found = append(found, hashes[i])
		}
		return found, nil
	})
)

func require(ok bool, format string, args ...interface{}) {
	if !ok {
		fmt.Printf("FAIL "+format+"\n", args...)
		os.Exit(1)
	}
}

func unbase64(s string) []byte { // strict: one spelling for each value
	b, err := base64.StdEncoding.DecodeString(s)
	require(err == nil && base64.StdEncoding.EncodeToString(b) == s, "no base64: %q", s)
	return b
}
func logKey(vkey, name string) note.Verifier {
	v, err := note.NewVerifier(vkey)
	require(err == nil && (name == "" || v.Name() == name), "no key of this log: %q", vkey)
	return v
}
func moment(s string) time.Time { t, _ := time.Parse(layout, s); return t } // the zero time if it is none

func read(path string, max int64) []byte { // section 9: no link in the folder, no more than the kind of file can have
	real, err := filepath.EvalSymlinks(path)
	require(err == nil && (real == path || !strings.HasPrefix(path, folder)), "%s is missing or a link", path)
	info, err := os.Stat(real)
	require(err == nil && info.Mode().IsRegular() && info.Size() <= max, "%s is no regular file or too long", path)
	data, err := os.ReadFile(real)
	require(err == nil, "%v", err)
	return data
}

func path(level string, n, count int64) (string, int) { // section 7: tile n of a level of `count` hashes, and its width
	width := int(math.Min(256, float64(count-n*256)))
	return folder + "/tile/" + level + strings.TrimPrefix(tlog.Tile{H: 8, N: n, W: width}.Path(), "tile/8/0"), width
}

func open(where string, raw []byte, keys ...note.Verifier) *note.Note { // its Sigs are those of the keys
	n, err := note.Open(raw, note.VerifierList(keys...))
	if u, ok := err.(*note.UnverifiedNoteError); ok {
		n, err = u.Note, nil
	}
	require(err == nil, "%s: %v", where, err)
	for _, s := range n.Sigs {
		unbase64(s.Base64)
	}
	return n
}

func cosigned(n *note.Note, witnesses []string) (count, lines int, newest float64) { // section 4: a time after the year 9999 does not count
	for _, vkey := range witnesses {
		f, has := append(strings.SplitN(vkey, "+", 3), "", ""), 0
		key := unbase64(f[2])
		require(len(key) == 33 && key[0] == 4, "no key of a witness: %q", vkey)
		for _, s := range n.UnverifiedSigs {
			if sig := unbase64(s.Base64); s.Name == f[0] && fmt.Sprintf("%08x", s.Hash) == f[1] {
				at := binary.BigEndian.Uint64(append(sig, make([]byte, 8)...)[4:])
				require(len(sig) == 76 && ed25519.Verify(key[1:], []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, n.Text)), sig[12:]), "the cosignature of %s is forged", s.Name)
				if lines++; at < 253402300800 {
					count, has, newest = count+1-has, 1, math.Max(newest, float64(at))
				}
			}
		}
	}
	return count, lines, newest
}

func checkpoint(where, text string) (string, tlog.Tree) { // section 5
	l := append(strings.Split(text, "\n"), "", "")
	size, _ := strconv.ParseInt(l[1], 10, 64)
	root, _ := tlog.ParseHash(l[2])
	require(size >= 0 && text == fmt.Sprintf("%s\n%d\n%s\n", l[0], size, root), "%s: no checkpoint", where)
	return l[0], tlog.Tree{N: size, Hash: root}
}

func entry(i int64, data []byte) { // sections 1 and 4
	m := map[string]interface{}{}
	require(len(data) <= 4096 && json.Unmarshal(data, &m) == nil, "entry %d is no JSON object", i)
	again, _ := json.Marshal(m) // RFC 8785 but for these:
	same := strings.NewReplacer(`\\`, `\\`, `\u0008`, `\b`, `\u000c`, `\f`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\u2028`, "\u2028", `\u2029`, "\u2029")
	require(same.Replace(string(again)) == string(data), "entry %d is not canonical", i)
	text := func(name string) string { s, _ := m[name].(string); return s }
	require(m["v"] == 1.0 && !moment(text("time")).IsZero() && text("kind") != "" && len(text("event")) == 36, "entry %d is none", i)
	require(events[text("event")] == tlog.Hash{} && (i == 0) == (text("kind") == "log.opened"),
		"entry %d: its event is there twice, or it is not how this log is opened", i)
	if text("kind") == "log.continued" {
		continued(i, m, text)
	}
	events[text("event")] = tlog.RecordHash(data)
	stored, _ := tlog.StoredHashesForRecordHash(i, tlog.RecordHash(data), reader)
	hashes = append(hashes, stored...)
	if kind := text("kind"); kind == "log.opened" || kind == "log.continued" {
		called, names[text("origin")] = text("origin"), true
		chains["log"], chains["receipt"] = []note.Verifier{logKey(text("log_key"), called)}, []note.Verifier{logKey(text("receipt_key"), called+"/receipts")}
		receiptKeys = append(receiptKeys, chains["receipt"]...)
	} else if text("kind") == "log.key_rotated" {
		chain := chains[text("use")]
		require(chain != nil, "entry %d: a rotation of nothing", i)
		newest, next := chain[len(chain)-1], logKey(text("new"), chain[0].Name())
		require(logKey(text("old"), newest.Name()).KeyHash() == newest.KeyHash(), "entry %d: `old` is not the newest key", i)
		by, _ := m["signatures"].(map[string]interface{})
		told := []byte(strings.Join([]string{"countenance-key-rotation/v1", called, text("use"), text("old"), text("new"), ""}, "\n"))
		require(newest.Verify(told, unbase64(fmt.Sprint(by["old"]))) && next.Verify(told, unbase64(fmt.Sprint(by["new"]))), "entry %d: a forged rotation", i)
		chains[text("use")] = append(chain, next)
		if text("use") == "receipt" {
			receiptKeys = append(receiptKeys, next)
		}
	}
}

func continued(i int64, m map[string]interface{}, text func(string) string) { // section 4: a log that was restored
	old, _ := m["previous"].(map[string]interface{})
	by, _ := m["signatures"].(map[string]interface{})
	size, _ := old["size"].(float64)
	chain := chains["log"]
	require(len(chain) > 0 && m["kept"] == float64(i) && old["origin"] == called && !names[text("origin")] && size >= 0 && size == math.Trunc(size), "entry %d goes on from another log", i)
	newest, next := chain[len(chain)-1], logKey(text("log_key"), text("origin"))
	require(logKey(fmt.Sprint(old["log_key"]), newest.Name()).KeyHash() == newest.KeyHash(), "entry %d: not the newest key of the log before", i)
	told := []byte(fmt.Sprintf("countenance-log-continued/v1\n%s\n%s\n%d\n%s\n%d\n%s\n%s\n%s\n", called, old["log_key"], int64(size), old["root"], i, text("origin"), text("log_key"), text("receipt_key")))
	require(newest.Verify(told, unbase64(fmt.Sprint(by["old"]))) && next.Verify(told, unbase64(fmt.Sprint(by["new"]))), "entry %d: forged, the log does not go on so", i)
	if size > 0 && int64(size) <= i { // its `proof` is for verifiers that do not keep all hashes
		root, err := tlog.TreeHash(int64(size), reader)
		require(err == nil && root.String() == old["root"], "entry %d: what it cites is not what was kept", i)
	}
}

func main() { // section 10
	args := map[string][]string{"quorum": {"0"}, "as-of": {time.Now().UTC().Format(layout)}}
	for _, arg := range os.Args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		args[name] = append(args[name], value)
	}
	last := func(name string) string { return append([]string{""}, args[name]...)[len(args[name])] }
	quorum, err := strconv.Atoi(last("quorum"))
	folder, _ = filepath.EvalSymlinks(last("folder"))
	given := logKey(last("log-key"), "")
	origin = given.Name()
	require(err == nil && !moment(last("as-of")).IsZero(), "usage: verifier folder=DIR log-key=VKEY [witness=VKEY...] [quorum=N] [receipts=FILE...] [head=FILE...] [as-of=TIME]")
	name, tree := checkpoint("checkpoint", open("checkpoint", read(folder+"/checkpoint", 65536)).Text)
	require(name == origin && tree.N > 0, "the checkpoint is not of %s, or of nothing", origin)
	for n := int64(0); n*256 < tree.N; n++ {
		p, width := path("entries", n, tree.N)
		for i, data := 0, read(p, 256*4098); i < width || len(data) > 0; i++ {
			require(i < width && len(data) >= 2 && len(data) >= 2+int(binary.BigEndian.Uint16(data)), "%s has not %d entries and nothing else", p, width)
			end := 2 + int(binary.BigEndian.Uint16(data))
			entry(n*256+int64(i), data[2:end])
			data = data[end:]
		}
	}
	for _, t := range tlog.NewTiles(8, 0, tree.N) {
		if p, width := path(strconv.Itoa(t.L), t.N, tree.N>>(8*t.L)); width == t.W {
			want, err := tlog.ReadTileData(t, reader)
			require(err == nil && bytes.Equal(read(p, 8192), want), "%s is not what the entries give", p)
		}
	}
	require(called == origin, "the entries are of %s, the checkpoint of %s", called, origin)
	root, err := tlog.TreeHash(tree.N, reader)
	require(err == nil && root == tree.Hash, "the root is not that of the entries")
	_, err = note.VerifierList(chains["log"]...).Verifier(origin, given.KeyHash())
	signed := open("checkpoint", read(folder+"/checkpoint", 65536), chains["log"][len(chains["log"])-1])
	require(err == nil && len(signed.Sigs) == 1, "the given key is none of the log's, or its newest has not signed the checkpoint")
	count, _, newest := cosigned(signed, args["witness"])
	require(count >= quorum, "not enough witnesses have cosigned the checkpoint at a time that can be")
	for _, file := range args["receipts"] {
		for _, line := range strings.Fields(regexp.MustCompile(`(?m)^#.*`).ReplaceAllString(string(read(file, 1<<40)), "")) {
			n := open("receipt", unbase64(line), receiptKeys...)
			f := append(strings.Split(n.Text, "\n"), make([]string, 6)...)
			due, late := moment(f[5]), moment(f[5]).Sub(moment(f[4]))
			require(len(n.Sigs) > 0 && f[0] == "countenance-receipt/v1" && n.Sigs[0].Name == f[1]+"/receipts" && late >= 0 && late <= 5*time.Second, "no receipt of this log: %s", line)
			hash, isThere := events[f[2]]
			require(isThere && hash.String() == f[3] || !isThere && due.After(moment(last("as-of"))), "event %s is not in the log as promised by %s (%s)", f[2], f[5], map[bool]string{true: "outstanding: the folder is older", false: "broken"}[!isThere && newest > 0 && newest*1000 < float64(due.UnixMilli())])
		}
	}
	for _, file := range args["head"] {
		own := 0
		for _, m := range aNote.FindAllSubmatch(read(file, 1<<40), -1) {
			head := open(file, m[1], chains["log"]...)
			if name, kept := checkpoint(file, head.Text); name == origin {
				_, lines, _ := cosigned(head, args["witness"])
				require(len(head.Sigs)+lines > 0, "%s: nobody that we know has signed it", file)
				require(kept.N <= tree.N, "%s has %d entries, the folder %d: truncated or rolled back", file, kept.N, tree.N)
				root, err := tlog.TreeHash(kept.N, reader)
				require(kept.N == 0 || err == nil && root == kept.Hash, "%s: the first %d entries were rewritten", file, kept.N)
				own++
			}
		}
		require(own > 0, "%s has no checkpoint of this log", file)
	}
	fmt.Printf("OK %d entries, root %s\n", tree.N, root)
}
