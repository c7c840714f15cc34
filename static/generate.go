package static

// The modules as one small script. It is what browsers get, and committed, as whatever is generated here.
//
//go:generate go tool -modfile=../tools/script/go.mod esbuild js/main.js --bundle --minify --outfile=script/js/main.js
