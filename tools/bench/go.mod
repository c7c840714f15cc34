module coc-console/tools/bench

go 1.26.0
