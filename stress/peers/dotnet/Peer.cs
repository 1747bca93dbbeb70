// SPDX-License-Identifier: MIT
// SafeHandle beside a pair of Interlocked.Add; c/measure.c says how turns are taken. For .NET and for Mono's compiler.
using System;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

static class Libc
{
    [DllImport("libc")]
    public static extern int open(string path, int flags);

    [DllImport("libc")]
    public static extern int close(int descriptor);

    [DllImport("libc")]
    public static extern IntPtr clock();

    [DllImport("libc")]
    public static extern int sched_setaffinity(int thread, IntPtr sizeBytes, ulong[] set);
}

class Descriptor : SafeHandle
{
    public Descriptor(int descriptor) : base(new IntPtr(-1), true)
    {
        SetHandle(new IntPtr(descriptor));
    }

    public override bool IsInvalid
    {
        get { return handle.ToInt64() < 0; }
    }

    protected override bool ReleaseHandle()
    {
        return Libc.close(handle.ToInt32()) == 0;
    }
}

// Its release only counts, so that a million of them need no million descriptors.
class Counted : SafeHandle
{
    public static long Released;

    public Counted() : base(IntPtr.Zero, true)
    {
        SetHandle(new IntPtr(1));
    }

    public override bool IsInvalid
    {
        get { return handle == IntPtr.Zero; }
    }

    protected override bool ReleaseHandle()
    {
        Interlocked.Increment(ref Released);
        return true;
    }
}

delegate void Pairs(long count);

// Count pairs take ShortestTurnNs or more, alone.
struct Work
{
    public Pairs Pairs;
    public long Count;
}

static class Peer
{
    const double ShortestTurnNs = 50e3;
    const double WarmUpNs = 300e6;
    const int Looks = 64;
    const int Spins = 4096;
    const int Steps = 64;

    static long counter;
    static Descriptor handle;
    static Work given;
    static volatile int steps;
    static volatile bool enough;
    static long doneByPartner;
    static double startOfPartnerNs;
    static int[] processors;

    static void XaddPairs(long count)
    {
        for (long i = 0; i < count; i++) {
            Interlocked.Add(ref counter, 1);
            Interlocked.Add(ref counter, -1);
        }
    }

    static void HandlePairs(long count)
    {
        for (long i = 0; i < count; i++) {
            bool added = false;
            handle.DangerousAddRef(ref added);
            handle.DangerousRelease();
        }
    }

    static void RawOpenClose(long count)
    {
        for (long i = 0; i < count; i++)
            Libc.close(Libc.open("/dev/null", 0));
    }

    static void WrappedOpenClose(long count)
    {
        for (long i = 0; i < count; i++)
            new Descriptor(Libc.open("/dev/null", 0)).Dispose();
    }

    static double NowNs()
    {
        return Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency);
    }

    static void Print(string name, double first, double second)
    {
        Console.WriteLine(string.Format(CultureInfo.InvariantCulture, "{0} {1:F4} {2:F4}", name, first, second));
    }

    // ---- one thread -------------------------------------------------------------------------------------------------

    static double TurnNs(Work work)
    {
        double start = NowNs();
        work.Pairs(work.Count);
        return NowNs() - start;
    }

    // Short calls, many of them: so the compiler comes to its last word.
    static Work Sized(Pairs pairs)
    {
        double start = NowNs();
        while (NowNs() - start < WarmUpNs)
            pairs(Looks);
        Work work = new Work { Pairs = pairs, Count = Looks };
        while (TurnNs(work) < ShortestTurnNs)
            work.Count *= 2;
        return work;
    }

    static void MeasureInTurns(string name, Work first, Work second, long turns)
    {
        for (long i = 0; i < turns; i++) {
            double firstNs = TurnNs(first) / first.Count;
            Print(name, firstNs, TurnNs(second) / second.Count);
        }
    }

    // ---- two threads ------------------------------------------------------------------------------------------------

    static void StayOn(int processor)
    {
        ulong[] set = new ulong[processor / 64 + 1];
        set[processor / 64] = 1ul << processor % 64;
        if (Libc.sched_setaffinity(0, new IntPtr(8 * set.Length), set) != 0)
            throw new InvalidOperationException("sched_setaffinity");
    }

    static void Meet(int side)
    {
        for (int step = side; step <= Steps; step += 2) {
            for (long spins = 1; steps != step; spins++)
                if (spins % Spins == 0)
                    Thread.Yield();
            if (step < Steps)
                steps = step + 1;
        }
    }

    static long WorkTogether(int side, out double startNs)
    {
        Meet(side);
        startNs = NowNs();
        long done = 0;
        while (!enough) {
            given.Pairs(given.Count / Looks);
            done += given.Count / Looks;
            if (done >= given.Count)
                enough = true;
        }
        return done;
    }

    static void Partner()
    {
        StayOn(processors[1]);
        doneByPartner = WorkTogether(1, out startOfPartnerNs);
    }

    static double TurnTogetherNs(Work work)
    {
        given = work;
        steps = 0;
        enough = false;
        Thread partner = new Thread(Partner);
        partner.Start();
        double startNs;
        long done = WorkTogether(0, out startNs);
        double endNs = NowNs();
        partner.Join();
        return (endNs - Math.Min(startNs, startOfPartnerNs)) * 2 / (done + doneByPartner);
    }

    static void MeasureContended(Work xadd, Work theirs, long turns)
    {
        StayOn(processors[0]);
        for (long i = 0; i < turns; i++) {
            double xaddNs = TurnTogetherNs(xadd);
            Print("contended", xaddNs, TurnTogetherNs(theirs));
        }
    }

    // ---- the ends of many -------------------------------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void MakeAndDrop(long count)
    {
        Counted[] all = new Counted[count];
        for (long i = 0; i < count; i++)
            all[i] = new Counted();
        GC.KeepAlive(all);
    }

    static void MeasureFinalization(long count)
    {
        MakeAndDrop(count);
        long start = Libc.clock().ToInt64();
        for (int i = 0; i < 8 && Interlocked.Read(ref Counted.Released) < count - count / 1000; i++) {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        double microseconds = Libc.clock().ToInt64() - start;
        Console.WriteLine(string.Format(CultureInfo.InvariantCulture, "finalize {0:F4}",
                                        microseconds * 1000 / Interlocked.Read(ref Counted.Released)));
    }

    static string Version()
    {
        Type mono = Type.GetType("Mono.Runtime");
        if (mono == null)
            return Environment.Version.ToString();
        MethodInfo name = mono.GetMethod("GetDisplayName", BindingFlags.NonPublic | BindingFlags.Static);
        return ((string)name.Invoke(null, null)).Split(' ')[0];
    }

    static int Main(string[] arguments)
    {
        if (arguments.Length != 5) {
            Console.Error.WriteLine("usage: TURNS-ALONE TURNS-CONTENDED PROCESSOR PROCESSOR OBJECTS");
            return 2;
        }
        long[] numbers = Array.ConvertAll(arguments, long.Parse);
        processors = new int[] { (int)numbers[2], (int)numbers[3] };
        Console.WriteLine("version " + Version());
        handle = new Descriptor(Libc.open("/dev/null", 0));
        Work xadd = Sized(XaddPairs);
        Work theirs = Sized(HandlePairs);
        MeasureInTurns("alone", xadd, theirs, numbers[0]);
        MeasureInTurns("open_close", Sized(RawOpenClose), Sized(WrappedOpenClose), numbers[0]);
        MeasureFinalization(numbers[4]);
        MeasureContended(xadd, theirs, numbers[1]);
        handle.Dispose();
        return 0;
    }
}
