// A player over UDP in C#: the other end of `cargo run --release --example udp`.
//
//   mcs Udp.cs Session.cs Inputwire.cs && LD_LIBRARY_PATH=... mono Udp.exe compact|classic PORT PEER_PORT
//
// Both players press buttons that follow from a hash of player, epoch and frame, so each can check every input that it
// receives. Exit status: 0 if the first 600 inputs of the peer were delivered once each and are those that it pushed.

using System;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Inputwire;

static class Udp
{
    const uint Frames = 600, LocalPlayer = 1, PeerPlayer = 0;
    const ulong Second = 1000000;

    static readonly Stopwatch Clock = Stopwatch.StartNew();

    static ulong Now()
    {
        return (ulong)(Clock.ElapsedTicks * ((double)Second / Stopwatch.Frequency));
    }

    static ulong Mix(ulong number)
    {
        number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
        number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
        return number ^ (number >> 31);
    }

    // A player's buttons in a frame of epoch 0, as in examples/udp/game.rs.
    static byte InputOf(uint player, uint frame)
    {
        return (byte)Mix(Mix((ulong)player << 32) ^ frame / 8);
    }

    // The memory of a session that was disposed of may be that of the next one.
    static bool RefusesMisuse()
    {
        var disposed = new Session(1, 1, Session.Defaults());
        disposed.Dispose();
        var other = new Session(1, 1, Session.Defaults());
        try
        {
            disposed.PushInput(0, new byte[1]);
            return false;
        }
        catch (ObjectDisposedException)
        {
        }
        try
        {
            Hello hello;
            Session.PeekHello(new byte[] { 0x20 }, 56, out hello);
            return false;
        }
        catch (ArgumentOutOfRangeException)
        {
        }
        other.Dispose();
        return true;
    }

    static int Main(string[] arguments)
    {
        if (Marshal.SizeOf(typeof(Config)) != 96 || Marshal.SizeOf(typeof(Event)) != 64 || Marshal.SizeOf(typeof(Stats)) != 296
            || Marshal.SizeOf(typeof(PeerConfig)) != 48 || Marshal.SizeOf(typeof(Hello)) != 12 || Marshal.SizeOf(typeof(Mismatch)) != 12)
        {
            Console.Error.WriteLine("a struct has another size than in C");
            return 1;
        }
        if (!RefusesMisuse())
        {
            Console.Error.WriteLine("a session that was disposed of, or a length beyond the bytes, is not refused");
            return 1;
        }
        uint wire = arguments[0] == "classic" ? Native.Classic : Native.Compact;
        var remote = new IPEndPoint(IPAddress.Loopback, int.Parse(arguments[2]));
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, int.Parse(arguments[1])));

        var config = Session.Defaults();
        config.LocalPlayer = LocalPlayer;
        var session = new Session(1, 1, config);
        uint peer = session.AddPeer(Now(), wire, PeerPlayer);

        var received = new bool[Frames];
        uint pushed = 0, delivered = 0, wrong = 0;
        bool connected = false, closing = false;
        ulong nextFrameAt = 0, receivedAt = Now(), giveUpAt = Now() + 60 * Second;
        var buffer = new byte[2048];
        while (!session.IsClosed)
        {
            ulong now = Now();
            if (connected && !closing && pushed < Frames && now >= nextFrameAt)
            {
                if (session.PushInput(now, new[] { InputOf(LocalPlayer, pushed) })) pushed++;
                nextFrameAt += Second / 60;
            }
            session.HandleTimeout(now);
            Event happened;
            while (session.PollEvent(out happened))
            {
                if (happened.Kind == EventKind.Connected)
                {
                    connected = true;
                    nextFrameAt = now;
                }
                else if (happened.Kind == EventKind.PeerClosed)
                {
                    giveUpAt = now + Second / 4;
                }
                else if (happened.Kind == EventKind.Input)
                {
                    receivedAt = now;
                    if (happened.Frame >= Frames) continue; // The peer plays on until both have finished.
                    if (received[happened.Frame] || happened.Input[0] != InputOf(PeerPlayer, happened.Frame)) wrong++;
                    if (!received[happened.Frame]) delivered++;
                    received[happened.Frame] = true;
                }
                else if (happened.Kind != EventKind.Flushed) // at each pause
                {
                    Console.Error.WriteLine(Native.TextOf(happened.Kind));
                }
            }
            byte[] datagram;
            while ((datagram = session.PollTransmit(out peer)) != null) socket.SendTo(datagram, remote);

            // Stay until the peer has every input and, as the classic wire acknowledges nothing, for a second of silence.
            bool done = pushed == Frames && delivered == Frames && session.Unacked(0) == 0 && now - receivedAt >= Second;
            if (!closing && (done || now >= giveUpAt))
            {
                closing = true;
                session.Close(now);
                continue;
            }
            ulong until = Math.Min(session.PollTimeout() ?? ulong.MaxValue, now + Second / 10);
            if (connected && pushed < Frames && !closing) until = Math.Min(until, nextFrameAt);
            now = Now();
            if (!socket.Poll(until > now ? (int)(until - now) : 0, SelectMode.SelectRead)) continue;
            try
            {
                int length = socket.Receive(buffer);
                session.HandleDatagram(Now(), 0, buffer, length); // The session counts the refused ones.
            }
            catch (SocketException)
            {
                // The port of the peer is not open yet.
            }
        }
        Stats stats;
        session.Stats(0, out stats);
        session.Dispose();
        Console.WriteLine("pushed={0} delivered={1} wrong={2} sent={3} received={4}", pushed, delivered, wrong, stats.PacketsSent, stats.PacketsReceived);
        return pushed == Frames && delivered == Frames && wrong == 0 ? 0 : 1;
    }
}
