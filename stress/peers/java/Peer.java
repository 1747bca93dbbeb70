// SPDX-License-Identifier: MIT
import com.sun.management.OperatingSystemMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.lang.ref.Cleaner;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * A shared arena beside a pair of AtomicLong.getAndAdd; c/measure.c says how turns are taken. A call of a C function
 * with a segment takes a reference of the segment's arena and gives it back. The arena that lives for ever is not
 * counted: the same call with a segment of that one is taken off.
 */
final class Peer {
    private static final double SHORTEST_TURN_NS = 50e3;
    private static final int WARM_UP_CALLS = 30_000;
    private static final int LOOKS = 64;
    private static final int SPINS = 4096;
    private static final int STEPS = 64;

    private static final AtomicLong counter = new AtomicLong();
    private static volatile int steps;
    private static volatile boolean enough;
    private static final AtomicLong released = new AtomicLong();
    private static Part ofPartner;

    private static final MemorySegment shared = Arena.ofShared().allocate(64, 64);
    private static final MemorySegment global = Arena.global().allocate(64, 64);
    /** Looks at no byte when it is to look at none. */
    private static final MethodHandle strnlen =
        function("strnlen", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
    private static final MethodHandle schedSetaffinity =
        function("sched_setaffinity", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT,
                                                            ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));

    /** count pairs take SHORTEST_TURN_NS or more, alone. */
    private record Work(LongConsumer pairs, long count) {
    }

    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(name).get(), descriptor);
    }

    private static void xaddPairs(long count) {
        for (long i = 0; i < count; i++) {
            counter.getAndAdd(1);
            counter.getAndAdd(-1);
        }
    }

    private static void countedCalls(long count) {
        try {
            for (long i = 0; i < count; i++) {
                long length = (long) strnlen.invokeExact(shared, 0L);
            }
        } catch (Throwable error) {
            throw new IllegalStateException(error);
        }
    }

    private static void plainCalls(long count) {
        try {
            for (long i = 0; i < count; i++) {
                long length = (long) strnlen.invokeExact(global, 0L);
            }
        } catch (Throwable error) {
            throw new IllegalStateException(error);
        }
    }

    private static void print(String name, double first, double second) {
        System.out.printf(Locale.ROOT, "%s %.4f %.4f%n", name, first, second);
    }

    // ---- one thread ------------------------------------------------------------------------------------------------

    private static double turnNs(Work work) {
        long start = System.nanoTime();
        work.pairs().accept(work.count());
        return System.nanoTime() - start;
    }

    /** Many short calls, so that the compiler comes to its last word. */
    private static Work sized(LongConsumer pairs) {
        for (int i = 0; i < WARM_UP_CALLS; i++) {
            pairs.accept(LOOKS);
        }
        Work work = new Work(pairs, LOOKS);
        while (turnNs(work) < SHORTEST_TURN_NS) {
            work = new Work(pairs, work.count() * 2);
        }
        return work;
    }

    private static void measureAlone(Work xadd, Work counted, Work plain, long turns) {
        for (long i = 0; i < turns; i++) {
            double xaddNs = turnNs(xadd) / xadd.count();
            double plainNs = turnNs(plain) / plain.count();
            print("alone", xaddNs, turnNs(counted) / counted.count() - plainNs);
        }
    }

    // ---- two threads -----------------------------------------------------------------------------------------------

    private static void stayOn(int processor) {
        try (Arena arena = Arena.ofConfined()) {
            long sizeBytes = (processor / 64 + 1) * 8L;
            MemorySegment set = arena.allocate(sizeBytes, 8);
            set.setAtIndex(ValueLayout.JAVA_LONG, processor / 64, 1L << processor % 64);
            if ((int) schedSetaffinity.invokeExact(0, sizeBytes, set) != 0) {
                throw new IllegalStateException("sched_setaffinity");
            }
        } catch (Throwable error) {
            throw new IllegalStateException(error);
        }
    }

    /** One thread's part of a turn of two. */
    private record Part(long count, long startNs) {
    }

    private static void meet(int side) {
        for (int step = side; step <= STEPS; step += 2) {
            for (long spins = 1; steps != step; spins++) {
                if (spins % SPINS == 0) {
                    Thread.yield();
                }
            }
            if (step < STEPS) {
                steps = step + 1;
            }
        }
    }

    private static Part workTogether(Work work, int side) {
        meet(side);
        long startNs = System.nanoTime();
        long done = 0;
        while (!enough) {
            work.pairs().accept(work.count() / LOOKS);
            done += work.count() / LOOKS;
            if (done >= work.count()) {
                enough = true;
            }
        }
        return new Part(done, startNs);
    }

    private static double turnTogetherNs(Work work, int partnersProcessor) throws InterruptedException {
        steps = 0;
        enough = false;
        Thread partner = new Thread(() -> {
            stayOn(partnersProcessor);
            ofPartner = workTogether(work, 1);
        });
        partner.start();
        Part mine = workTogether(work, 0);
        long endNs = System.nanoTime();
        partner.join();
        double elapsedNs = endNs - Math.min(mine.startNs(), ofPartner.startNs());
        return elapsedNs * 2 / (mine.count() + ofPartner.count());
    }

    private static void measureContended(Work xadd, Work counted, Work plain, long turns, int partnersProcessor)
        throws InterruptedException {
        for (long i = 0; i < turns; i++) {
            double xaddNs = turnTogetherNs(xadd, partnersProcessor);
            double plainNs = turnTogetherNs(plain, partnersProcessor);
            print("contended", xaddNs, turnTogetherNs(counted, partnersProcessor) - plainNs);
        }
    }

    // ---- the ends of many ------------------------------------------------------------------------------------------

    private static void makeAndDrop(Cleaner cleaner, int count) {
        Object[] all = new Object[count];
        for (int i = 0; i < count; i++) {
            all[i] = new Object();
            cleaner.register(all[i], released::incrementAndGet);
        }
    }

    private static void measureFinalization(int count) throws InterruptedException {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        makeAndDrop(Cleaner.create(), count);
        long start = system.getProcessCpuTime();
        System.gc();
        for (int waited = 0; waited < 20000 && released.get() < count - count / 1000; waited++) {
            Thread.sleep(1);
        }
        double elapsedNs = system.getProcessCpuTime() - start;
        System.out.printf(Locale.ROOT, "finalize %.4f%n", elapsedNs / released.get());
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length != 5) {
            System.err.println("usage: TURNS-ALONE TURNS-CONTENDED PROCESSOR PROCESSOR OBJECTS");
            System.exit(2);
        }
        System.out.println("version " + Runtime.version());
        Work xadd = sized(Peer::xaddPairs);
        Work counted = sized(Peer::countedCalls);
        Work plain = sized(Peer::plainCalls);
        measureAlone(xadd, counted, plain, Long.parseLong(arguments[0]));
        measureFinalization(Integer.parseInt(arguments[4]));
        stayOn(Integer.parseInt(arguments[2]));
        measureContended(xadd, counted, plain, Long.parseLong(arguments[1]), Integer.parseInt(arguments[3]));
    }
}
