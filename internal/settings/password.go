package settings

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// maxPasswordFile bounds what is read as a password.
const maxPasswordFile = 4096

// byteOrderMark begins what editors of Windows save.
const byteOrderMark = "\uFEFF"

// ReadPassword reads a password from a file of its own: its first line. Its
// errors hold nothing of the file.
func ReadPassword(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return "", errors.New(path + " is a folder, not a file with a password")
	}
	if info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("%s can be read by everybody on this machine: chmod 600 %s", path, path)
	}
	if info.Size() > maxPasswordFile {
		return "", fmt.Errorf("%s is too large for a password", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	password, _, _ := strings.Cut(strings.TrimPrefix(string(text), byteOrderMark), "\n")
	password = strings.TrimSuffix(password, "\r")
	switch {
	case strings.TrimSpace(password) == "":
		return "", errors.New(path + " holds no password")
	case strings.Contains(password, "\x00"):
		return "", errors.New(path + " is not text: write it in UTF-8")
	}
	return password, nil
}
