package export

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// The files of a bundle, a zip that shows somebody without the log what some
// of its records say.
const (
	fileRecords    = "records.jsonl"  // each record's exact bytes, one a line; of one that was pruned {"pruned":N}
	fileLeaves     = "leaves.txt"     // each record's number and leaf hash
	fileProof      = "proof.txt"      // the hashes that lead from the leaves to the root, from left to right
	fileCheckpoint = "checkpoint.txt" // the signed root
	fileEarlier    = "earlier.json"   // older checkpoints, and that this one continues them
	fileKeys       = "public-key.txt" // for information
	fileManifest   = "bundle.json"    // what was asked for, and the files' checksums
	fileReadme     = "README.txt"
)

// bundleFiles are all of them, in their order.
var bundleFiles = []string{fileRecords, fileLeaves, fileProof, fileCheckpoint, fileEarlier, fileKeys, fileReadme,
	fileManifest}

const bundleFormat = "coc-console audit bundle 1"

// The kinds of bundles.
const (
	BundleRange  = "range"  // all records from one number to another: nothing between is left out
	BundleSearch = "search" // the records that a search found: whether it missed some cannot be shown
)

// ErrBundle says that something is not a whole bundle.
var ErrBundle = errors.New("audit: this is not a whole bundle: it broke off, or is something else")

// manifest is the file bundle.json.
type manifest struct {
	Format  string            `json:"format"`
	Log     string            `json:"log"`
	Kind    string            `json:"kind"`
	Rows    string            `json:"rows,omitempty"` // the query is of rows, and each record belongs to one
	Query   string            `json:"query,omitempty"`
	First   int64             `json:"first"` // numbers that were looked at
	Last    int64             `json:"last"`
	Records int64             `json:"records"`
	Pruned  int64             `json:"pruned"` // of them, those whose bytes the log has no more
	Size    int64             `json:"checkpoint_size"`
	Files   map[string]string `json:"sha256"`
}

func (m manifest) encode() []byte {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil { // of strings and numbers
		return nil
	}
	return append(text, '\n')
}

// earlier is a checkpoint from before, and the hashes that show that the
// bundle's continues it.
type earlier struct {
	Checkpoint string   `json:"checkpoint"`
	Proof      []string `json:"proof"`
}

// summary is what a bundle is said to be, as its README says it.
func (m manifest) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Log:         %s\n", m.Log)
	if m.Kind == BundleRange {
		fmt.Fprintf(&b, "Holds:       all records from number %d to number %d\n", m.First, m.Last)
	} else {
		fmt.Fprintf(&b, "Holds:       what a search among the records %d to %d found\n", m.First, m.Last)
	}
	if m.Rows != "" {
		fmt.Fprintf(&b, "Rows:        %s\n", m.Rows)
	}
	if m.Query != "" {
		fmt.Fprintf(&b, "Query:       %s\n", strconv.Quote(m.Query))
	}
	fmt.Fprintf(&b, "Records:     %d, of which the log keeps only the hash of %d\n", m.Records, m.Pruned)
	fmt.Fprintf(&b, "Checkpoint:  signed over the first %d records of the log\n", m.Size)
	return b.String()
}

const readmeStart = `Records of the audit log of a COC console
=========================================

`

const readmeEnd = `
How to check it
---------------
Needed are this file as it came, the program coc-console, and the public key of
the log FROM ANOTHER SOURCE than this file: from the people who run the console,
a contract, or an earlier audit. Nothing else: no network, no access to the log.

    coc-console audit verify-bundle FILE.zip --public-key KEY

If you have kept a checkpoint of the log, add --anchor CHECKPOINT.txt: it shows
that the log of then and the log of now are the same one. Exit status 0: all is
well. 1: something is wrong, and it is named. 2: the check could not be made.

What is in it
-------------
records.jsonl   one record a line, byte for byte as the log holds it (JSON).
                {"pruned":N} stands where the log keeps only the hash of N.
leaves.txt      the number of each record and its hash: SHA-256 of a zero byte
                and the record's bytes, in base64.
proof.txt       the hashes of all that is not in this file, as far as they are
                needed to compute the root of the tree (RFC 6962), left to right.
checkpoint.txt  the root that the console signed (C2SP tlog-checkpoint).
earlier.json    older checkpoints, with proofs that this one continues them.
public-key.txt  the key, for information. It proves nothing: whoever changes
                this file can put another key into it.
bundle.json     what was asked for, and the SHA-256 of the other files.

What it proves
--------------
* Each record is in the log, at its number, unaltered since the checkpoint was
  signed. A single changed character shows, and the record is named.
* If it holds all records of a range of numbers: that none between is missing,
  and none was added or moved.
* That the log continues the checkpoints in earlier.json: up to those nothing
  was changed in it afterwards.

What it does not prove
----------------------
* Of a search: that it found all. The records are genuine; that there are no
  others cannot be shown this way. Ask for the whole range of numbers instead.
* The query and the numbers above are what the maker says was asked for. Each
  record was checked to fit them, but where the query is one of rows; they are
  not signed.
* That what a record says was true when it was written.
* Anything, if the key is not the log's, or if its owner signed two histories.
  Checkpoints that others kept show that.
`

func (m manifest) readme() []byte { return []byte(readmeStart + m.summary() + readmeEnd) }

// walker computes the root of a tree from chosen leaves, which it takes one by
// one, and the hashes of all between them, from left to right (RFC 6962).
type walker[H any] struct {
	next    func() int64                  // index of the next chosen leaf; beyond the tree when there is none
	leaf    func() (H, error)             // takes that leaf
	outside func(lo, hi int64) (H, error) // the root over leaves of which none is chosen
	join    func(left, right H) H
}

func (w *walker[H]) root(lo, hi int64) (H, error) {
	switch {
	case w.next() >= hi:
		return w.outside(lo, hi)
	case hi-lo == 1:
		return w.leaf()
	}
	middle := lo + splitAt(hi-lo)
	left, err := w.root(lo, middle)
	if err != nil {
		return left, err
	}
	right, err := w.root(middle, hi)
	return w.join(left, right), err
}

// splitAt is how many of n leaves are left of a tree's root: the largest power
// of two below n.
func splitAt(n int64) int64 {
	k := int64(1)
	for k < (n+1)/2 {
		k *= 2
	}
	return k
}

// appendHash appends a hash as base64.
func appendHash(line []byte, h tlog.Hash) []byte {
	return base64.StdEncoding.AppendEncode(line, h[:])
}

// readHash reads a hash in its one form.
func readHash(text string) (tlog.Hash, bool) {
	h, err := tlog.ParseHash(text)
	return h, err == nil && h.String() == text
}
