module github.com/rayburst/rayburst/test/e2e/lab/mods/pause

go 1.26.0
