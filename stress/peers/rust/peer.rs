// SPDX-License-Identifier: MIT
//! Arc<OwnedFd> beside a pair of fetch_add; c/measure.c says how turns are taken.
use std::arch::asm;
use std::fs::File;
use std::os::unix::io::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const SHORTEST_TURN: Duration = Duration::from_micros(50);
const LOOKS: u64 = 64;
const SPINS: u64 = 4096;
const STEPS: usize = 64;

#[repr(align(64))]
struct Apart<T>(T);

static COUNTER: Apart<AtomicI64> = Apart(AtomicI64::new(0));
static STEP: Apart<AtomicUsize> = Apart(AtomicUsize::new(0));
static ENOUGH: Apart<AtomicBool> = Apart(AtomicBool::new(false));

extern "C" {
    fn sched_setaffinity(thread: i32, size_bytes: usize, set: *const u64) -> i32;
}

type Handle = Arc<OwnedFd>;

/// Count pairs take SHORTEST_TURN or more, alone.
#[derive(Clone, Copy)]
struct Work {
    pairs: fn(&Handle, u64),
    count: u64,
}

/// As std::hint::black_box, which compilers before 1.66 do not have.
fn is_read(word: i64) {
    unsafe { asm!("/* {} */", in(reg) word, options(nostack, preserves_flags)) }
}

fn xadd_pairs(_: &Handle, count: u64) {
    for _ in 0..count {
        is_read(COUNTER.0.fetch_add(1, Ordering::SeqCst));
        is_read(COUNTER.0.fetch_add(-1, Ordering::SeqCst));
    }
}

fn handle_pairs(handle: &Handle, count: u64) {
    for _ in 0..count {
        let mine = Arc::clone(handle);
        is_read(Arc::as_ptr(&mine) as i64);
    }
}

// ---- one thread ----------------------------------------------------------------------------------------------------

fn turn(handle: &Handle, work: Work) -> Duration {
    let start = Instant::now();
    (work.pairs)(handle, work.count);
    start.elapsed()
}

fn each(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_nanos() as f64 / count as f64
}

fn sized(handle: &Handle, pairs: fn(&Handle, u64)) -> Work {
    let mut work = Work { pairs, count: LOOKS };
    while turn(handle, work) < SHORTEST_TURN {
        work.count *= 2;
    }
    work
}

fn measure_alone(handle: &Handle, xadd: Work, theirs: Work, turns: u64) {
    for _ in 0..turns {
        let xadd_ns = each(turn(handle, xadd), xadd.count);
        let their_ns = each(turn(handle, theirs), theirs.count);
        println!("alone {xadd_ns:.4} {their_ns:.4}");
    }
}

// ---- two threads ---------------------------------------------------------------------------------------------------

fn stay_on(processor: u64) {
    let mut set = vec![0u64; processor as usize / 64 + 1];
    set[processor as usize / 64] = 1 << (processor % 64);
    let status = unsafe { sched_setaffinity(0, 8 * set.len(), set.as_ptr()) };
    assert_eq!(status, 0, "sched_setaffinity");
}

/// One thread's part of a turn of two.
struct Part {
    start: Instant,
    done: u64,
}

fn meet(side: usize) {
    for step in (side..=STEPS).step_by(2) {
        let mut spins = 0u64;
        while STEP.0.load(Ordering::SeqCst) != step {
            spins += 1;
            if spins % SPINS == 0 {
                thread::yield_now();
            }
        }
        if step < STEPS {
            STEP.0.store(step + 1, Ordering::SeqCst);
        }
    }
}

fn work_together(handle: &Handle, work: Work, side: usize) -> Part {
    meet(side);
    let start = Instant::now();
    let mut done = 0;
    while !ENOUGH.0.load(Ordering::Relaxed) {
        (work.pairs)(handle, work.count / LOOKS);
        done += work.count / LOOKS;
        if done >= work.count {
            ENOUGH.0.store(true, Ordering::SeqCst);
        }
    }
    Part { start, done }
}

fn turn_together_ns(handle: &Handle, work: Work, partners_processor: u64) -> f64 {
    STEP.0.store(0, Ordering::SeqCst);
    ENOUGH.0.store(false, Ordering::SeqCst);
    thread::scope(|scope| {
        let partner = scope.spawn(|| {
            stay_on(partners_processor);
            work_together(handle, work, 1)
        });
        let mine = work_together(handle, work, 0);
        let end = Instant::now();
        let theirs = partner.join().unwrap();
        let elapsed = end - mine.start.min(theirs.start);
        each(elapsed * 2, mine.done + theirs.done)
    })
}

fn measure_contended(handle: &Handle, xadd: Work, theirs: Work, numbers: &[u64]) {
    stay_on(numbers[2]);
    for _ in 0..numbers[1] {
        let xadd_ns = turn_together_ns(handle, xadd, numbers[3]);
        let their_ns = turn_together_ns(handle, theirs, numbers[3]);
        println!("contended {xadd_ns:.4} {their_ns:.4}");
    }
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 5, "TURNS TURNS PROCESSOR PROCESSOR OBJECTS");
    let handle: Handle = Arc::new(File::open("/dev/null").unwrap().into());
    let xadd = sized(&handle, xadd_pairs);
    let theirs = sized(&handle, handle_pairs);
    measure_alone(&handle, xadd, theirs, numbers[0]);
    measure_contended(&handle, xadd, theirs, &numbers);
}
