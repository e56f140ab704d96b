module github.com/rayburst/rayburst

go 1.26
