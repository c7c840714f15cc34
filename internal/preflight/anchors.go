package preflight

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"coc-console/internal/upstream"
)

// AnchorFile looks whether checkpoints can be kept in a file.
func AnchorFile(path string) Check {
	return func(context.Context) []Result {
		const check = "anchor file"
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return []Result{failed(check, err.Error(), "name a file that this user can write in --anchor-file")}
		case !info.Mode().IsRegular():
			return []Result{failed(check, path+" is no file", "name a file in --anchor-file")}
		case syscall.Access(path, writable) != nil:
			return []Result{failed(check, "this user can't write "+path, "give the file to the console's user")}
		}
		folder := filepath.Dir(path)
		if err := syscall.Access(folder, writable); err != nil {
			return []Result{failed(check, "this user can't write in "+folder+" ("+err.Error()+")",
				"make the folder for the console's user, or name another file in --anchor-file")}
		}
		return []Result{ok(check, "%s can be written", path)}
	}
}

// AnchorWebhook reaches the host of a webhook that keeps checkpoints. It gets none, and its path is a secret.
func (n Network) AnchorWebhook(address string) Check {
	return func(ctx context.Context) []Result {
		s := Service{Name: "anchor webhook", Setting: "anchor-webhook"}
		u, err := url.Parse(address)
		if err != nil {
			return []Result{Skip(s.Name, "its address is not valid")}
		}
		s.URL = u.Scheme + "://" + u.Host
		if _, err := n.ask(ctx, s.URL, "/"); err != nil {
			return []Result{n.unreached(s, upstream.ReasonOf(err), upstream.Plain(err).Error())}
		}
		return []Result{ok(s.Name, "%s answers; whether it takes checkpoints, /audit/integrity says", s.URL)}
	}
}
