// Package textlog is the log of the programs: text on standard error.
package textlog

import (
	"log/slog"
	"os"
)

// Server is the log of what runs beside KEDA: it says each changed decision.
func Server(verbose bool) *slog.Logger {
	if verbose {
		return At(slog.LevelDebug)
	}
	return At(slog.LevelInfo)
}

// Quiet says what is wrong.
func Quiet(verbose bool) *slog.Logger {
	if verbose {
		return At(slog.LevelDebug)
	}
	return At(slog.LevelWarn)
}

// At is a log from a level on.
func At(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
