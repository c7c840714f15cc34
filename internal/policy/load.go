package policy

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"coc-console/internal/coc"

	cedarast "github.com/cedar-policy/cedar-go/x/exp/ast"
)

//go:embed default.cedar
var defaultPolicies []byte

//go:embed schema.cedarschema
var schemaText []byte

// maxFile bounds the files that are read.
const maxFile = 1 << 20

// Default returns the text of the built-in policies.
func Default() string { return string(defaultPolicies) }

// Schema returns the text of what policies can ask about, with every operation that there is.
func Schema() string {
	var operations []string
	for _, t := range coc.OperationTypes() {
		operations = append(operations, strconv.Quote(string(t)))
	}
	return string(schemaText) + "\n// The operations.\naction " + strings.Join(operations, ", ") + ` in ["operate"]
  appliesTo { principal: User, resource: Ticket, context: Circumstances };
`
}

// Files say where the rules are. Empty names mean the built-in policies, an
// empty directory, and a calendar without windows.
type Files struct {
	Policy, Directory, Calendar string
	Default                     string   // the directory's text where no file is named
	Managers                    []string // account/user, besides those of the directory
	// Review has changed files wait until somebody takes them up (Store.TakeUp).
	Review bool
}

// Load reads and checks the files. Its errors name the file and, where they
// are about a policy, the policy and its line.
func Load(f Files) (*Rules, error) {
	policies, name := defaultPolicies, "default.cedar"
	if f.Policy != "" {
		var err error
		if policies, err = read(f.Policy); err != nil {
			return nil, err
		}
		name = f.Policy
	}
	var listed []byte
	if f.Default != "" {
		listed = []byte(f.Default)
	}
	if f.Directory != "" {
		var err error
		if listed, err = read(f.Directory); err != nil {
			return nil, err
		}
	}
	r, err := compile(name, policies)
	if err != nil {
		return nil, fmt.Errorf("policy file %s: %w", name, err)
	}
	if r.directory, err = parseDirectory(listed, f.Managers); err != nil {
		return nil, fmt.Errorf("directory %s: %w", f.Directory, err)
	}
	times, err := r.readCalendar(f.Calendar)
	if err != nil {
		return nil, err
	}
	r.builtIn, r.file, r.source = f.Policy == "", f.Policy, string(policies)
	r.digest, r.hasDirectory = digestOf(policies, listed, times, f.Managers), len(listed) > 0
	return r, nil
}

func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read the policy files: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes", name, maxFile)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the policy files: %w", err)
	}
	return text, nil
}

// compile parses policies and checks each against the schema. Every policy
// needs an @id of its own: denials and the log name it.
func compile(name string, text []byte) (*Rules, error) {
	list, err := cedar.NewPolicyListFromBytes(name, text)
	if err != nil {
		return nil, syntaxError(text, err)
	}
	checker, err := validator()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("it holds no policy, and so nobody may do anything")
	}
	r := &Rules{policies: cedar.NewPolicySet(), demands: map[cedar.PolicyID]Demand{}, texts: map[cedar.PolicyID]Text{},
		shadows: map[cedar.PolicyID]bool{}, dated: map[cedar.PolicyID][]string{}}
	r.policies.Add(everybody, cedar.NewPolicyFromAST(ast.Permit().ActionEq(cedar.NewEntityUID(typeAction,
		cedar.String(SignIn)))))
	var wrong []error
	for _, p := range list {
		if err := r.add(checker, p); err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", p.Position().Line, err))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	var all, enforced subset
	for id, p := range r.policies.All() {
		all = append(all, listed{id, p})
		if !r.shadows[id] {
			enforced = append(enforced, listed{id, p})
		}
	}
	r.indexes, r.withShadows = indexes(enforced), indexes(all)
	return r, nil
}

// everybody is the id of the policy by which everybody may sign in whom no
// policy forbids it. It stands beside those of any file: files that do not
// know the action keep working.
const everybody cedar.PolicyID = "built-in: sign-in"

func (r *Rules) add(checker *validate.Validator, p *cedar.Policy) error {
	notes := p.Annotations()
	id := cedar.PolicyID(notes["id"])
	if id == "" {
		return errors.New(`a policy without @id("…")`)
	}
	if r.policies.Get(id) != nil {
		return fmt.Errorf("a second policy with the id %q", id)
	}
	if err := checker.Policy(string(id), (*cedarast.Policy)(p.AST())); err != nil {
		return err
	}
	if text, ok := notes["demand"]; ok {
		kinds, known := parseDemand(string(text))
		if !known || p.Effect() != cedar.Forbid {
			return fmt.Errorf(`policy %q: @demand stands on a forbid, and is "reason", "count" or "approval", or several joined by " or "`, id)
		}
		r.demands[id] = Demand{Policy: string(id), Any: kinds, Text: textOf(notes)}
	}
	approvers, err := parseApprovers(string(id), notes, r.demands[id].Any)
	if err != nil {
		return err
	}
	if d, demands := r.demands[id]; demands {
		d.Approvers = approvers
		r.demands[id] = d
	}
	if text, ok := notes["review"]; ok {
		if err := r.weigh(string(id), string(text)); err != nil {
			return err
		}
	}
	inShadow, err := mode(string(id), notes)
	if err != nil {
		return err
	}
	if inShadow {
		r.shadows[id] = true
	}
	if names, asks := windowsAskedFor(p); asks {
		r.dated[id] = names
	}
	r.texts[id] = textOf(notes)
	r.policies.Add(id, p)
	return nil
}

// textOf is what a policy says in each language; @description stands for the languages that it does not speak.
func textOf(notes cedar.Annotations) Text {
	inAny := string(notes["description"])
	return Text{cmp.Or(string(notes["en"]), inAny), cmp.Or(string(notes["zh"]), inAny)}
}

func validator() (*validate.Validator, error) {
	var s schema.Schema
	s.SetFilename("schema.cedarschema")
	if err := s.UnmarshalCedar([]byte(Schema())); err != nil {
		return nil, err
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, err
	}
	return validate.New(resolved), nil
}

// Store holds the rules in force, and takes up changed files.
type Store struct {
	files  Files
	logger *slog.Logger
	rules  atomic.Pointer[Rules]
	broken atomic.Pointer[error]
	// candidate are rules that wait to be taken up.
	candidate atomic.Pointer[Rules]
	// elevations tell who has which role for a while.
	elevations atomic.Pointer[Elevated]

	mu   sync.Mutex // one check of the files at a time
	seen [3]stamp
}

// stamp tells whether a file is another than before.
type stamp struct {
	changed time.Time
	size    int64
}

// Open loads the files; broken ones are an error at the start.
func Open(f Files, logger *slog.Logger) (*Store, error) {
	s := &Store{files: f, logger: logger, seen: stamps(f)}
	rules, err := Load(f)
	if err != nil {
		return nil, err
	}
	s.take(rules)
	return s, nil
}

// Rules returns those in force.
func (s *Store) Rules() *Rules { return s.rules.Load() }

// Decide answers by the rules in force.
func (s *Store) Decide(q Request) Decision {
	if q.Groups == nil {
		q.Person = s.Elevated(q.Person, q.At)
	}
	return s.Rules().Decide(q)
}

// Broken says why changed files were not loaded, so that the previous policies
// stay in force; nil when all is well.
func (s *Store) Broken() error {
	if e := s.broken.Load(); e != nil {
		return *e
	}
	return nil
}

// Watch looks for changed files until ctx ends, and tells changed of every
// change: nil when new rules are in force, else why the old ones still are.
func (s *Store) Watch(ctx context.Context, every time.Duration, changed func(error)) {
	if s.files.Policy == "" && s.files.Directory == "" && s.files.Calendar == "" {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if is, err := s.Check(); is {
				changed(err)
			}
		}
	}
}

// Check takes up the files if they are others than before, or has them wait where they are reviewed first. It reports
// whether others are in force, or why they cannot be taken up.
func (s *Store) Check() (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := stamps(s.files)
	if now == s.seen {
		return false, nil
	}
	s.seen = now
	rules, err := Load(s.files)
	if err != nil {
		s.broken.Store(&err)
		s.logger.Error("changed policy files not loaded; the previous policies stay in force", "error", err)
		return true, err
	}
	s.broken.Store(nil)
	if s.files.Review {
		s.review(rules)
		return false, nil
	}
	s.take(rules)
	s.logger.Info("changed policy files loaded")
	return true, nil
}

// take puts rules into force, and tells what is probably a mistake in them.
func (s *Store) take(rules *Rules) {
	s.rules.Store(rules)
	for _, w := range rules.Warnings() {
		s.logger.Warn("policy file looks wrong", "file", s.files.Policy, "warning", w)
	}
}

func stamps(f Files) (out [3]stamp) {
	for i, name := range []string{f.Policy, f.Directory, f.Calendar} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			out[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return out
}
