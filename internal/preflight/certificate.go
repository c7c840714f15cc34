package preflight

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"time"
)

// endsSoon is how long before its end a certificate is warned of.
const endsSoon = 14 * 24 * time.Hour

// Certificate looks at the files of the console's certificate, which is for a host, where that is known.
func Certificate(certFile, keyFile, host string, now time.Time) Check {
	return func(context.Context) []Result {
		const check = "certificate"
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			text := fmt.Sprintf("%s with %s: %v", certFile, keyFile, err)
			return []Result{failed(check, text, mendPair(certFile, keyFile))}
		}
		cert := pair.Leaf
		names := strings.Join(cert.DNSNames, ", ")
		for _, ip := range cert.IPAddresses {
			names = strings.TrimPrefix(names+", "+ip.String(), ", ")
		}
		end := cert.NotAfter.UTC().Format(time.DateOnly)
		const renew = "put a new one into the files: it is taken up within seconds"
		switch {
		case now.After(cert.NotAfter):
			return []Result{failed(check, "the certificate ended on "+end, renew)}
		case now.Before(cert.NotBefore):
			begin := cert.NotBefore.UTC().Format(time.DateOnly)
			return []Result{failed(check, "the certificate begins on "+begin, "is this machine's clock right?")}
		case names == "":
			return []Result{failed(check, "the certificate is for no name", "browsers want one with a subject alternative name")}
		case cert.NotAfter.Sub(now) < endsSoon:
			return []Result{warning(check, "the certificate for "+names+" ends on "+end, renew)}
		case host != "" && cert.VerifyHostname(host) != nil:
			return []Result{warning(check, "the certificate is for "+names+", and --url names "+host,
				"browsers refuse that, unless a proxy with another certificate is in between: get one for "+host)}
		case lacksIssuer(pair):
			return []Result{warning(check, fmt.Sprintf("%s doesn't have the certificate of %q, which signed the first one",
				certFile, cert.Issuer.String()), "append it, unless everybody's browser trusts it: others refuse the console")}
		case isPublic(keyFile):
			return []Result{warning(check, keyFile+" can be read by everybody on this machine", "chmod o-rwx "+keyFile)}
		}
		return []Result{ok(check, "for %s, until %s", names, end)}
	}
}

// lacksIssuer reports whether nothing behind a certificate, and nobody whom this machine trusts, has signed it.
func lacksIssuer(pair tls.Certificate) bool {
	own := pair.Leaf
	if bytes.Equal(own.RawIssuer, own.RawSubject) {
		return false
	}
	for _, der := range pair.Certificate[1:] {
		if above, err := x509.ParseCertificate(der); err == nil && bytes.Equal(above.RawSubject, own.RawIssuer) {
			return false
		}
	}
	_, err := own.Verify(x509.VerifyOptions{CurrentTime: own.NotBefore})
	return err != nil
}

func isPublic(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().Perm()&0o007 != 0
}

// mendPair is what to do about two files that are no certificate with its key.
func mendPair(certFile, keyFile string) string {
	certs, err := os.ReadFile(certFile)
	if err != nil {
		return mendFiles
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return mendFiles
	}
	if bytes.Contains(key, []byte("ENCRYPTED")) {
		return "the key has a password, which the console can't know: write it without one by " +
			"(umask 077; openssl pkey -in " + keyFile + " -out NEW)"
	}
	if belongs := matching(certs, key); belongs > 0 {
		return fmt.Sprintf("the key is that of certificate %d in the file: put that first, then those that lead to its authority", belongs+1)
	}
	return mendFiles
}

const mendFiles = "name a PEM file with the certificate and its chain in --tls-cert, and its key in --tls-key; " +
	"this user must be able to read both"

// matching is which certificate of a file a key belongs to, from 0; -1: none.
func matching(certs, key []byte) int {
	for n := 0; ; n++ {
		var block *pem.Block
		if block, certs = pem.Decode(certs); block == nil {
			return -1
		}
		if _, err := tls.X509KeyPair(pem.EncodeToMemory(block), key); err == nil {
			return n
		}
	}
}
