//! When to look into a pipe again. Pure: what was found and when in, how long to wait out.
//!
//! A program that writes line by line as fast as it can would be read line by line, at a wake-up for each, which costs it
//! and its reader more than the lines themselves do. So the pipe of a program that keeps writing is let fill, and looked
//! into when a quarter of its room is taken. How long that takes is found out by doubling and halving, from a wait so
//! short that no pipe fills within it. What does not write much is read at once, always.

use std::time::{Duration, Instant};

/// The longest wait.
pub(super) const LONGEST: Duration = Duration::from_millis(10);

/// The shortest wait that can be asked of the system, and the first that is tried.
const SHORTEST: Duration =
    if cfg!(target_os = "linux") { Duration::from_micros(50) } else { Duration::from_millis(1) };

/// Busy is who was read so often, and wrote so much, within [`LONGEST`].
const OFTEN: u32 = 16;
const MUCH: usize = 4 << 10;

/// Whoever was busy not long ago is so again sooner: other programs on the same processors interrupt the best of writers.
const LATELY: Duration = Duration::from_millis(100);
const OFTEN_AGAIN: u32 = 3;
const AGAIN: Duration = Duration::from_millis(1);

/// Busy stays who writes at least a byte in so many microseconds: five KiB in ten milliseconds.
const STAYS: u128 = 2;

/// After waits that were too long however short, none is tried for this long.
const REST: Duration = Duration::from_millis(100);

/// So many waits in a row, each much longer than the one before, that find the same are in vain.
const IN_VAIN: u32 = 3;

/// A pipe that fills within this long has use for more room.
const FILLS_FAST: Duration = Duration::from_millis(2);

/// The rhythm in which one pipe is read.
#[derive(Debug)]
pub(super) struct Pace {
    /// The bytes it holds.
    room: usize,
    wants_room: bool,
    /// When it was last read.
    read: Option<Instant>,
    /// The wait before the next read, and the one before the last; zero to read at once.
    wait: Duration,
    before: Duration,
    /// What the read before the last found.
    found: usize,
    /// So many longer waits in a row found no more than shorter ones.
    in_vain: u32,
    /// Reads at once since a moment, and what they found.
    since: Option<Instant>,
    often: u32,
    much: usize,
    /// When it was busy last.
    busy: Option<Instant>,
    /// No wait is tried before.
    rests_until: Option<Instant>,
}

impl Pace {
    /// For a pipe that holds `room` bytes.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            wants_room: false,
            read: None,
            wait: Duration::ZERO,
            before: Duration::ZERO,
            found: 0,
            in_vain: 0,
            since: None,
            often: 0,
            much: 0,
            busy: None,
            rests_until: None,
        }
    }

    /// The pipe holds so much from now on.
    pub fn resize(&mut self, room: usize) {
        self.room = room;
        self.wants_room = false;
    }

    /// Whether more room would make for fewer reads.
    pub fn wants_room(&self) -> bool {
        self.wants_room
    }

    /// The pipe was read `now`, and `found` bytes were in it: when to look next, if not as soon as something comes.
    pub fn after(&mut self, found: usize, now: Instant) -> Option<Instant> {
        let gap =
            self.read.replace(now).map_or(Duration::MAX, |before| now.saturating_duration_since(before));
        let wait = if self.wait.is_zero() { self.begin(found, now) } else { self.go_on(found, gap, now) };
        self.before = std::mem::replace(&mut self.wait, wait);
        self.found = found;
        self.wants_room |= !wait.is_zero() && wait < FILLS_FAST;
        (!wait.is_zero()).then(|| now + wait)
    }

    /// Reads at once from now on.
    pub fn hurry(&mut self) {
        self.wait = Duration::ZERO;
        (self.since, self.often, self.much) = (None, 0, 0);
    }

    /// What is to be found. A pipe holds pages, of which writes that do not end where a page does leave up to half
    /// empty: it can be full when half as much is in it as it has room for.
    fn enough(&self) -> usize {
        self.room / 4
    }

    /// So much is only found in a pipe that was full, or soon would have been.
    fn too_much(&self) -> usize {
        self.room / 16 * 7
    }

    /// After a read at once: the first wait, once this has gone on.
    fn begin(&mut self, found: usize, now: Instant) -> Duration {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) > LONGEST) {
            (self.since, self.often, self.much) = (Some(now), 0, 0);
        }
        self.often += 1;
        self.much += found;
        self.in_vain = 0;
        let lasted = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let lately = self.busy.is_some_and(|busy| now.saturating_duration_since(busy) < LATELY);
        let busy = (self.often >= OFTEN && self.much >= MUCH)
            || (lately && self.often >= OFTEN_AGAIN && lasted <= AGAIN);
        self.wants_room |= busy && self.much / 2 >= self.room;
        // Who fills the pipe by itself needs a reader that is there, not one that waits.
        let rests = self.rests_until.is_some_and(|until| now < until);
        if !busy || rests || found >= self.enough() {
            return Duration::ZERO;
        }
        // Long enough to find something, unless that could be too much.
        let some = if found < self.enough() / 4 { lasted / self.often * 4 } else { SHORTEST };
        some.clamp(SHORTEST, LONGEST)
    }

    /// After a wait: the next.
    fn go_on(&mut self, found: usize, gap: Duration, now: Instant) -> Duration {
        // A pipe of which every write takes a page, however small it is, is full when next to nothing is in it. Then
        // waiting longer finds no more.
        if self.wait >= self.before + self.before / 2 {
            let same = found.abs_diff(self.found) <= self.found / 8;
            self.in_vain = if same { self.in_vain + 1 } else { 0 };
        }
        let stays = (found as u128) * STAYS >= gap.as_micros();
        if !stays && self.in_vain == 0 {
            self.hurry();
            return Duration::ZERO;
        }
        self.busy = Some(now);
        let wait = if !stays || self.in_vain >= IN_VAIN {
            Duration::ZERO
        } else if found >= self.too_much() {
            self.wait / 2
        } else {
            // By as much as what was found differs from enough, and never more than double.
            let sixteenths = (self.enough() * 16 / found.max(1)).clamp(8, 32);
            self.wait * u32::try_from(sixteenths).unwrap_or(16) / 16
        };
        if wait < SHORTEST {
            self.hurry();
            self.busy = None;
            self.rests_until = Some(now + REST);
            return Duration::ZERO;
        }
        wait.min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 1 << 20;

    /// A pipe in simulated time, with a writer that writes `rate` bytes a second in `write`s of one size.
    struct World {
        now: Instant,
        filled_to: Instant,
        rate: u64,
        write: usize,
        /// What the pipe can hold of such writes, and holds.
        holds: usize,
        inside: usize,
        /// How long the writer waited for room.
        blocked: Duration,
        reads: u32,
        taken: u64,
        longest: Duration,
    }

    impl World {
        fn new(rate: u64, write: usize, holds: usize) -> Self {
            let now = Instant::now();
            let (blocked, longest) = (Duration::ZERO, Duration::ZERO);
            Self { now, filled_to: now, rate, write, holds, inside: 0, blocked, reads: 0, taken: 0, longest }
        }

        fn a_write(&self) -> Duration {
            Duration::from_nanos(self.write as u64 * 1_000_000_000 / self.rate)
        }

        /// Time goes on: the writer writes while there is room.
        fn pass(&mut self, time: Duration) {
            self.now += time;
            let each = self.a_write().as_nanos().max(1);
            let wants = (self.now - self.filled_to).as_nanos() / each;
            let fits = ((self.holds - self.inside) / self.write) as u128;
            self.inside += usize::try_from(wants.min(fits)).unwrap() * self.write;
            if wants > fits {
                self.blocked += self.now - self.filled_to;
                self.filled_to = self.now;
            } else {
                self.filled_to += Duration::from_nanos(u64::try_from(wants * each).unwrap());
            }
        }

        /// Reads for a simulated time, as the collector does; without a pace, always at once.
        fn run(&mut self, mut pace: Option<&mut Pace>, time: Duration) {
            let until = self.now + time;
            let mut held = None;
            (self.reads, self.taken, self.blocked, self.longest) = (0, 0, Duration::ZERO, Duration::ZERO);
            while self.now < until {
                match held {
                    // Timers are late.
                    Some(due) => self.pass(due - self.now + Duration::from_micros(60)),
                    None => {
                        let next = (self.filled_to + self.a_write()).saturating_duration_since(self.now);
                        self.pass(if self.inside > 0 { Duration::ZERO } else { next });
                    }
                }
                let found = std::mem::take(&mut self.inside);
                held = pace.as_mut().and_then(|pace| pace.after(found, self.now));
                self.longest = self.longest.max(held.map_or(Duration::ZERO, |due| due - self.now));
                self.reads += 1;
                self.taken += found as u64;
                // Handing over takes its time too.
                self.pass(Duration::from_nanos(2000 + found as u64 / 2));
            }
        }
    }

    #[test]
    fn a_pipe_that_is_written_to_all_the_time_is_let_fill_and_never_full() {
        for rate in [2_000_000_u64, 20_000_000, 100_000_000, 300_000_000, 600_000_000] {
            // Who writes less than a few thousand times a second is read at once.
            for write in [1, 100, 1000, 4096].into_iter().filter(|write| rate / write > 1000) {
                let mut pace = Pace::new(ROOM);
                let mut world = World::new(rate, write as usize, ROOM);
                world.run(Some(&mut pace), Duration::from_millis(200));
                world.run(Some(&mut pace), Duration::from_millis(300));
                let each = world.taken / u64::from(world.reads);
                // A quarter of the pipe, or what comes within the longest wait.
                let least = (ROOM as u64 / 8).min(rate / 200);
                assert!(each >= least, "{rate} B/s by {write}: {each} bytes a read");
                assert!(world.longest <= LONGEST);
                assert!(world.blocked.is_zero(), "{rate} B/s by {write}: {:?} blocked", world.blocked);
            }
        }
    }

    #[test]
    fn writes_that_fill_pages_badly_are_not_mistaken_for_slow_ones() {
        // Just over half a page each, and a page for every write.
        for (write, holds) in [(2049, ROOM / 2), (1, ROOM / 4096), (100, ROOM / 4096 * 100)] {
            let mut at_once = World::new(200_000_000, write, holds);
            at_once.run(None, Duration::from_millis(400));
            let mut pace = Pace::new(ROOM);
            let mut world = World::new(200_000_000, write, holds);
            world.run(Some(&mut pace), Duration::from_millis(200));
            world.run(Some(&mut pace), Duration::from_millis(400));
            assert!(world.taken > at_once.taken / 10 * 9, "by {write}: {} of {}", world.taken, at_once.taken);
        }
    }

    #[test]
    fn one_line_now_and_then_is_read_at_once() {
        let mut pace = Pace::new(ROOM);
        let mut now = Instant::now();
        for _ in 0..10_000 {
            now += Duration::from_millis(1);
            assert_eq!(pace.after(200, now), None);
        }
        // Nor is a handful in a row.
        for _ in 0..1000 {
            now += Duration::from_millis(50);
            for _ in 0..OFTEN - 1 {
                now += Duration::from_micros(10);
                assert_eq!(pace.after(200, now), None);
            }
        }
    }

    #[test]
    fn who_fills_the_pipe_is_not_waited_for() {
        let mut pace = Pace::new(64 << 10);
        let mut now = Instant::now();
        for _ in 0..1000 {
            now += Duration::from_micros(30);
            assert_eq!(pace.after(64 << 10, now), None);
        }
        assert!(pace.wants_room());
    }

    #[test]
    fn who_stops_is_read_at_once_again() {
        let mut pace = Pace::new(ROOM);
        let mut world = World::new(100_000_000, 100, ROOM);
        world.run(Some(&mut pace), Duration::from_millis(100));
        assert!(!world.longest.is_zero());
        let mut now = world.now + LONGEST;
        assert_eq!(pace.after(0, now), None);
        for _ in 0..100 {
            now += Duration::from_millis(2);
            assert_eq!(pace.after(100, now), None);
        }
    }
}
