package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// confirm asks a question on standard error, as Ray's commands do. Anything but
// y or yes, and the end of the input, is no.
func confirm(question string) error {
	fmt.Fprintf(os.Stderr, "%s Confirm [y/N]: ", question)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(os.Stderr, "Aborted.")
	return exitError{1}
}
