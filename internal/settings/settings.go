// Package settings reads the settings of commands: from flags, else from variables,
// else from a file, else their defaults; and knows which it was.
package settings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// A Set has the settings of one command. Each comes from its flag, else from its
// variable, else from the file of --config, else it has its default.
type Set struct {
	Console *pflag.FlagSet                 // the console's own, which other commands share: COC_CONSOLE_NAME, and name: in the file
	Own     *pflag.FlagSet                 // of a group of commands: COC_CONSOLE_GROUP_NAME, and name: below group: in the file
	Options *pflag.FlagSet                 // of one call: a flag alone
	Group   string                         // of Own
	Also    map[string]string              // the console's setting that means the same as one of Own, and counts where that is not given
	Former  map[string]string              // the names of flags in the release before; to be removed after 0.1
	Secret  map[string]func(string) string // how settings are shown that may hold one
	origins map[*pflag.Flag]Origin

	database, passwordFile *string // what DatabaseVar has defined; nil: nothing
}

// An Origin is where a value comes from.
type Origin struct {
	Source string `json:"source"`         // flag, variable, file or default
	From   string `json:"from,omitempty"` // the variable, or the file and its line
}

// New is an empty set of a group of commands; the console itself has no name.
func New(group string) *Set {
	s := &Set{Group: group, Also: map[string]string{}, Former: map[string]string{}, Secret: map[string]func(string) string{},
		origins: map[*pflag.Flag]Origin{}}
	for _, set := range []**pflag.FlagSet{&s.Console, &s.Own, &s.Options} {
		*set = pflag.NewFlagSet(group, pflag.ContinueOnError)
		(*set).SortFlags = false
	}
	return s
}

// VariableOf is the annotation of a flag that has its variable, for the help.
const VariableOf = "variable"

// Define gives the settings to a command.
func (s *Set) Define(f *pflag.FlagSet) {
	f.SortFlags = false
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if now, renamed := s.Former[name]; renamed {
			name = now
		}
		return pflag.NormalizedName(name)
	})
	s.Each(func(flag *pflag.Flag, key string) {
		flag.Annotations = map[string][]string{VariableOf: {Variable(key)}}
	})
	for _, set := range []*pflag.FlagSet{s.Console, s.Own, s.Options} {
		f.AddFlagSet(set)
	}
}

// Prefix begins the names of all variables.
const Prefix = "COC_CONSOLE_"

// Variable is the name of the variable of a setting: log-level's is COC_CONSOLE_LOG_LEVEL,
// format's in the group audit is COC_CONSOLE_AUDIT_FORMAT.
func Variable(key string) string {
	return Prefix + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(key))
}

// key is a setting of a group as the file and errors name it.
func key(group, name string) string {
	if group == "" {
		return name
	}
	return group + "." + name
}

// Each calls f for every setting, with its key.
func (s *Set) Each(f func(flag *pflag.Flag, key string)) {
	s.Console.VisitAll(func(flag *pflag.Flag) { f(flag, flag.Name) })
	s.Own.VisitAll(func(flag *pflag.Flag) { f(flag, key(s.Group, flag.Name)) })
}

// variables are those of a setting, the first of which counts.
func (s *Set) variables(flag *pflag.Flag, key string) []string {
	names := []string{Variable(key)}
	if other := s.Also[flag.Name]; other != "" {
		names = append(names, Variable(other))
	}
	for old, now := range s.Former {
		if now == flag.Name {
			names = append(names, Variable(strings.TrimSuffix(key, flag.Name)+old))
		}
	}
	return names
}

// Resolve gives the settings that no flag gave the values of their variables,
// or else of the file.
func (s *Set) Resolve(getenv func(string) string, file File) error {
	var wrong error
	s.Each(func(flag *pflag.Flag, key string) {
		if err := s.resolveOne(flag, key, getenv, file); err != nil && wrong == nil {
			wrong = err
		}
	})
	if wrong != nil {
		return wrong
	}
	return s.addPassword()
}

func (s *Set) resolveOne(flag *pflag.Flag, key string, getenv func(string) string, file File) error {
	if flag.Changed {
		s.origins[flag] = Origin{Source: "flag", From: "--" + flag.Name}
		return nil
	}
	for _, name := range s.variables(flag, key) {
		value := getenv(name)
		if value == "" {
			continue
		}
		s.origins[flag] = Origin{Source: "variable", From: name}
		if err := flag.Value.Set(value); err != nil {
			return Wrong(flag.Name, fmt.Sprintf("%s has the wrong value: %s", name, Plainly(err)))
		}
		return nil
	}
	for _, k := range []string{key, s.Also[flag.Name]} {
		given, ok := file.values[k]
		if !ok || k == "" {
			continue
		}
		s.origins[flag] = Origin{Source: "file", From: given.at}
		for _, value := range given.texts {
			if err := flag.Value.Set(value); err != nil {
				return Wrong(flag.Name, fmt.Sprintf("%s has the wrong value: %s", given.at, Plainly(err)))
			}
		}
		return nil
	}
	s.origins[flag] = Origin{Source: "default"}
	return nil
}

// Origin is where the value of a setting comes from, once it is resolved.
func (s *Set) Origin(flag *pflag.Flag) Origin { return s.origins[flag] }

// Given reports whether a setting was given, in whatever way.
func (s *Set) Given(name string) bool {
	for flag, from := range s.origins {
		if flag.Name == name {
			return from.Source != "default"
		}
	}
	return false
}

// Shown is a setting's value as it may be printed.
func (s *Set) Shown(flag *pflag.Flag) string {
	value := flag.Value.String()
	if hide := s.Secret[flag.Name]; hide != nil && value != "" {
		return hide(value)
	}
	return value
}

// Wrong is an error of one line that says which setting is wrong, and why.
func Wrong(name, why string) error { return errors.New("--" + name + ": " + why) }

// Plainly words the errors of Go's own parsers.
func Plainly(err error) string {
	number, ok := errors.AsType[*strconv.NumError](err)
	switch {
	case ok && number.Func == "ParseBool":
		return fmt.Sprintf("%q is not true or false", number.Num)
	case ok:
		return fmt.Sprintf("%q is not a number that it can be", number.Num)
	}
	if value, is := strings.CutPrefix(err.Error(), "time: invalid duration "); is {
		return value + " is not a time such as 30s or 5m"
	}
	return err.Error()
}
