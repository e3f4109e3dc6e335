// Package daemon has what the programs that serve a bus until a signal have in common.
//
// # Use
//
//	code := daemon.UntilSignal(ctx, func(ctx context.Context) int {
//		…
//		config, warnings, err := flags.Load(eventbus.Section{Name: "log", Into: &log})
//		b, err := eventbus.Open(ctx, config)
//		fmt.Print(daemon.Describe(b, config))
//		printing, err := daemon.Subscribe(ctx, b, flags.Print, os.Stdout, false, logger)
//		manager := daemon.NewSupervisor(os.Getenv, os.Getpid(), logger)
//		defer manager.Watch(func() { b.Statistics() })()
//		manager.Ready()
//		defer hangups.Each(func() { manager.Reload(live.Reload) })() // of CatchHangups, which comes first
//		…
//	})
//
// # Concurrency
//
// The functions may be called from any goroutine. UntilSignal takes the signals of the process, so there is one of it at a time.
package daemon
