//! Memory does not grow with the intervals of a file. This process counts every byte that is allocated, and runs nothing else.

use {
    multibus_replay::Community,
    std::{
        alloc::{GlobalAlloc, Layout, System},
        io::{self, Read},
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Members of the community.
const MEMBERS: usize = 100;
/// Intervals of the short file: more rows than are sorted at once, and more readings than wait for a temporary file.
const INTERVALS: usize = 600;
/// How many times as long the long file is.
const TIMES: usize = 3;
/// Bytes by which memory may grow with an interval. The readings of all members take more, packed as they are.
const BYTES_PER_INTERVAL: usize = 250;

/// Bytes that are allocated now, and the most that ever were.
static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: all that it promises is what the system's allocator promises, which does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller keeps the rules of this same function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, bytes: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the rules of this same function.
        unsafe { System.dealloc(bytes, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Rows of a file, made when they are read.
struct Rows<F> {
    rows: std::ops::Range<usize>,
    /// Interval and member of a row.
    place: F,
    line: Vec<u8>,
    read: usize,
}

impl<F: Fn(usize) -> (usize, usize)> Rows<F> {
    fn of(intervals: usize, place: F) -> Self {
        let header = b"interval_start,member,load_wh,generation_wh\n";
        Self { rows: 0..intervals * MEMBERS, place, line: header.to_vec(), read: 0 }
    }
}

impl<F: Fn(usize) -> (usize, usize)> Read for Rows<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len()
            && let Some(row) = self.rows.next()
        {
            let (interval, member) = (self.place)(row);
            let (day, minute) = (interval / 96, interval % 96 * 15);
            let (month, day, hour, minute) = (day / 28 + 1, day % 28 + 1, minute / 60, minute % 60);
            let load_wh = (interval * 31 + member * 17) % 500;
            self.line.clear();
            self.read = 0;
            io::Write::write_fmt(
                &mut self.line,
                format_args!("2016-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z,M{member:03},{load_wh},{}\n", 250),
            )?;
        }
        let read = (&self.line[self.read..]).read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

/// The most bytes that reading a file takes, and going through it as a replay does.
fn peak(intervals: usize, place: impl Fn(usize) -> (usize, usize)) -> usize {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let community = Community::read(Rows::of(intervals, place)).unwrap();
    assert_eq!((community.interval_count(), community.members.len()), (intervals, MEMBERS));
    let traded: u64 = (0..intervals).map(|number| community.interval(number).unwrap().tradable_wh()).sum();
    let part = community.clone().within(0..intervals / 2).unwrap();
    assert!(traded > 0 && traded == community.totals().tradable_wh && part.totals().tradable_wh < traded);
    assert_eq!(
        community.intervals().map(|interval| interval.unwrap().readings().len()).sum::<usize>(),
        intervals * MEMBERS
    );
    MOST.load(Relaxed) - before
}

// One test: two at the same time would count each other's bytes.
#[test]
fn memory_does_not_grow_with_the_intervals_of_a_file() {
    type Place = fn(usize, usize) -> (usize, usize);
    let by_time: Place = |row, _| (row / MEMBERS, row % MEMBERS);
    let by_member: Place = |row, intervals| (row % intervals, row / intervals);
    for place in [by_time, by_member] {
        let [short, long] =
            [INTERVALS, TIMES * INTERVALS].map(|intervals| peak(intervals, |row| place(row, intervals)));
        let most = short + (TIMES - 1) * INTERVALS * BYTES_PER_INTERVAL;
        eprintln!("{short} bytes for {INTERVALS} intervals, {long} for {TIMES} times as many, {most} allowed");
        assert!(long <= most);
    }
}
