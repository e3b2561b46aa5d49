package main

// row is a line of the table: a figure of both databases beside what it is compared with.
type row struct {
	what, with string
	benchmark  string // regular expression over its names, without "Benchmark"; %s is the database
	figure     string // that is shown
	ratio      string // the figure that is shown as the ratio; a rate or time of the rival: ours by it
	goal       goal
}

// goal bounds a figure or, if there is one, its ratio. Zero bounds without most: there is
// no goal for that database.
type goal struct {
	sqlite, postgres float64
	most             bool // at most; otherwise at least
	figure           bool // the figure is bounded although there is a ratio
}

func least(sqlite, postgres float64) goal { return goal{sqlite: sqlite, postgres: postgres} }
func most(sqlite, postgres float64) goal {
	return goal{sqlite: sqlite, postgres: postgres, most: true, figure: true}
}

// rows are the lines of the table. Where several benchmarks match, the worst counts.
var rows = []row{
	{"append, 1 writer", "plain INSERT", `^Append/%s/writers=1$`, "scrapelog/s", "x-plain", least(1, 0.75)},
	{"append, 8 writers", "plain INSERT", `^Append/%s/writers=8$`, "scrapelog/s", "x-plain", least(3.5, 1.5)},
	{"append, 32 writers", "plain INSERT", `^Append/%s/writers=32$`, "scrapelog/s", "x-plain", least(7, 3)},
	{"append, 64 writers", "plain INSERT", `^Append/%s/writers=64$`, "scrapelog/s", "x-plain", least(10, 0)},
	{"append, 1 writer", "message-db", `^Append/%s/writers=1$`, "scrapelog/s", "x-message-db", least(0, 1)},
	{"append, 8 writers", "message-db", `^Append/%s/writers=8$`, "scrapelog/s", "x-message-db", least(0, 1)},
	{"append, 32 writers", "message-db", `^Append/%s/writers=32$`, "scrapelog/s", "x-message-db", least(0, 1)},
	{"append, 8 writers", "watermill-sql", `^Append/%s/writers=8$`, "scrapelog/s", "x-watermill-sql", least(1, 1)},
	{"append, 32 writers", "watermill-sql", `^Append/%s/writers=32$`, "scrapelog/s", "x-watermill-sql", least(1, 1)},
	{"two instances, 32 writers", "one instance", `^TwoInstances/%s$`, "two/s", "x-one", least(0, 0.8)},
	{"import by 1,000", "100-row INSERTs", `^Import/%s$`, "scrapelog/s", "x-plain", least(1, 1)},
	{"skipped under 16 racing writers", "", `^Race/%s$`, "skipped", "", most(0, 0)},
	{"append to a log of 1 M", "to a hundredth of it", `^Growth/%s$`, "scrapelog/s", "x-small", least(1/1.5, 1/1.5)},
	{"disk per event", "the row", `^Growth/%s$`, "x-row", "", most(1.35, 1.35)},
	{"commit to handler, p50 ms", "watermill-sql, 10 ms poll", `^CommitToHandler/%s$`, "scrapelog-p50-ms", "watermill-10ms-poll-p50-ms", most(1, 1.5)},
	{"commit to handler, p99 ms", "watermill-sql, 10 ms poll", `^CommitToHandler/%s$`, "scrapelog-p99-ms", "watermill-10ms-poll-p99-ms", most(4, 6)},
	{"commit to handler, p50 ms", "watermill-sql, default poll", `^CommitToHandler/%s$`, "scrapelog-p50-ms", "watermill-default-poll-p50-ms", goal{}},
	{"idle, % of a core", "", `^Idle/%s$`, "cpu-%", "", most(0.2, 0.2)},
	{"idle, written", "", `^Idle/%s$`, "written", "", most(0, 0)},
	{"feed and projections, live", "bare watermill-sql", `^Live/%s$`, "scrapelog/s", "x-bare-watermill", goal{20_000, 15_000, false, true}},
	{"the same, µs of CPU an event", "", `^Live/%s$`, "cpu-µs/event", "", most(50, 50)},
	{"backlog of 500,000", "of a fiftieth", `^Backlog/%s$`, "scrapelog/s", "x-small", least(0.9, 0.9)},
	{"rebuild of all from 1 M", "pages and upserts", `^Rebuild/%s/rebuild$`, "rebuild/s", "x-pages-and-upserts", least(0.7, 0.7)},
	{"audit replay of 1 M", "pages and upserts", `^Rebuild/%s/replay$`, "replay/s", "x-pages-and-upserts", least(0.7, 0.7)},
	{"events verify --all of 1 M", "read and hash", `^Verify/%s$`, "scrapelog/s", "x-read-and-hash", least(1.5, 1.5)},
	{"cut to ConnectionLost, p50 ms", "over a bare reader", `^LossAndReturn/%s/`, "lost-over-bare-p50-ms", "", most(5, 5)},
	{"cut to ConnectionLost, p99 ms", "over a bare reader", `^LossAndReturn/%s/`, "lost-over-bare-p99-ms", "", most(50, 50)},
	{"back to RunStarted, p95 ms", "probes, each 1 s", `^LossAndReturn/%s/announce=false$`, "back-p95-ms", "", most(1300, 1300)},
	{"back to RunStarted, p95 ms", "announced", `^LossAndReturn/%s/announce=true$`, "back-p95-ms", "", most(100, 100)},
	{"10,000 streams, KiB each", "", `^Scale/%s$`, "KiB/stream", "", most(60, 60)},
	{"10,000 streams, cores", "", `^Scale/%s$`, "cores-held", "", most(1, 1)},
	{"a silent one, ms late", "a tenth of three beats", `^Scale/%s$`, "ms-silence-late-max", "", most(1500, 1500)},
	{"storm: all recorded, s", "", `^Scale/%s$`, "s-all-recorded", "", most(4, 4)},
	{"storm: all rescraped, s", "", `^Scale/%s$`, "s-all-rescraped", "", most(10, 10)},
	{"storm: a page, p99 ms", "", `^Scale/%s$`, "page-p99-ms", "", most(300, 300)},
	{"1,000 slots, spread, p99 ms", "", `^ScaleSchedules/%s/spread$`, "late-p99-ms", "", most(20, 20)},
	{"1,000 slots at once, p99 ms", "", `^ScaleSchedules/%s/one-instant$`, "late-p99-ms", "", most(150, 150)},
	{"/runs, any filter, 1 M runs, p99 ms", "", `^Pages/%s/runs`, "p99-ms", "", most(20, 20)},
	{"the same", "1,000 runs", `^Pages/%s/runs`, "p99-ratio", "", most(2, 2)},
	{"start with 3 M events, ms", "", `^Start/%s$`, "ms-to-ready", "", most(300, 300)},
	{"idle memory, MiB", "", `^Start/%s$`, "MiB-idle", "", most(40, 40)},
	{"binary, MB", "", `^Binary/%s$`, "MB", "", most(30, 0)},
}
