package settings

import (
	"errors"
	"net/url"
)

// databasePassword is the setting with the file of the database's password.
const databasePassword = "database-password-file"

// DatabaseVar defines the address of a database, and the file with its password: an address in a flag, a variable or a
// file of settings is read by more people than a password may be. Resolve puts the password into the address, if there
// is one.
func (s *Set) DatabaseVar(to, passwordFile *string, usage string) {
	s.Console.StringVar(to, "database", "", usage)
	s.Console.StringVar(passwordFile, databasePassword, "", "`FILE` with the password of --database in its first line")
	s.Secret["database"] = HidePassword
	s.database, s.passwordFile = to, passwordFile
}

// addPassword puts the password of the file into the database's address.
func (s *Set) addPassword() error {
	if s.database == nil || *s.database == "" || *s.passwordFile == "" {
		return nil
	}
	password, err := ReadPassword(*s.passwordFile)
	if err != nil {
		return Wrong(databasePassword, err.Error())
	}
	with, err := withPassword(*s.database, password)
	if err != nil {
		return Wrong("database", err.Error())
	}
	*s.database = with
	return nil
}

// withPassword is an address with a password. Its errors repeat nothing of the address.
func withPassword(address, password string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("this is not a postgres:// address")
	}
	query := u.Query()
	if _, has := u.User.Password(); has || query.Has("password") {
		return "", errors.New("the address has a password, and --" + databasePassword +
			" gives another: leave one of them out")
	}
	if u.User.Username() != "" {
		u.User = url.UserPassword(u.User.Username(), password)
		return u.String(), nil
	}
	query.Set("password", password)
	u.RawQuery = query.Encode()
	return u.String(), nil
}
