// A session that keeps its memory, for code that would rather not call the C functions itself.

using System;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Inputwire
{
    /// <summary>A status that tells of a mistake in the program.</summary>
    public sealed class InputwireException : Exception
    {
        public readonly Status Status;

        public InputwireException(Status status) : base(Native.TextOf(status))
        {
            Status = status;
        }
    }

    /// <summary>One endpoint of a game. Not for several threads at once.</summary>
    public sealed class Session : IDisposable
    {
        IntPtr memory;
        readonly IntPtr session;
        readonly byte[] buffer = new byte[Native.MaxDatagramSize];

        /// <summary>Draws the incarnation, if the settings have none.</summary>
        public Session(uint maxPeers, uint inputLen, Config config)
        {
            if (Native.iw_abi_version() != Native.AbiVersion) throw new InvalidOperationException("the library has another version than Inputwire.cs");
            if (config.Incarnation == 0) config.Incarnation = DrawIncarnation();
            ulong size = Native.iw_session_size(maxPeers, inputLen).ToUInt64();
            if (size == 0) throw new InputwireException(Status.NoSuchSize);
            // The session must not be moved, so it lies outside of what the collector compacts.
            memory = Marshal.AllocHGlobal((int)size + Native.SessionAlign);
            long start = (memory.ToInt64() + Native.SessionAlign - 1) & -Native.SessionAlign;
            var status = Native.iw_session_init(new IntPtr(start), new UIntPtr(size), maxPeers, inputLen, ref config, out session);
            if (status != Status.Ok) Marshal.FreeHGlobal(memory);
            Check(status);
        }

        /// <summary>The pointer for the functions. Memory that was freed may belong to another session by now.</summary>
        IntPtr Handle
        {
            get
            {
                if (memory == IntPtr.Zero) throw new ObjectDisposedException(nameof(Session));
                return session;
            }
        }

        /// <summary>A length that the bytes have: the library would read beyond the end of an array.</summary>
        static UIntPtr LengthIn(byte[] bytes, int length)
        {
            if (length < 0 || length > bytes.Length) throw new ArgumentOutOfRangeException(nameof(length));
            return new UIntPtr((uint)length);
        }

        /// <summary>The default settings.</summary>
        public static Config Defaults()
        {
            Config config;
            Check(Native.iw_config_default(out config));
            return config;
        }

        /// <summary>Returns a status, unless it tells of a mistake. A full window, a push too far ahead and refused datagrams are none.</summary>
        public static Status Check(Status status)
        {
            if (status < 0 && status != Status.WindowFull && status != Status.TooFarAhead && (int)status > -100) throw new InputwireException(status);
            return status;
        }

        static ulong DrawIncarnation()
        {
            var bytes = new byte[8];
            using (var random = RandomNumberGenerator.Create()) random.GetBytes(bytes);
            return BitConverter.ToUInt64(bytes, 0) | 1UL << 63; // Numbers below 2^32 are refused.
        }

        /// <summary>Adds a peer; from is the frame from which a player takes part that joins late, targetMargin the margin in frames that
        /// PaceOf keeps at a server that waits for nobody.</summary>
        public uint AddPeer(ulong nowUs, uint wire, uint player, byte[] key = null, uint from = Native.NoFrame, uint targetMargin = Native.NoMargin)
        {
            uint peer;
            PeerConfig config;
            Check(Native.iw_peer_config_default(out config));
            config.Wire = wire;
            config.Player = player;
            config.JoinFrame = from;
            config.TargetMargin = targetMargin;
            if (key != null)
            {
                if (key.Length != 16) throw new ArgumentException("a key has 16 bytes");
                config.Key = key;
                config.HasKey = 1;
            }
            Check(Native.iw_session_add_peer_with(Handle, nowUs, ref config, out peer));
            return peer;
        }

        /// <summary>Returns what the hello in a datagram says, before there is a peer for its sender.</summary>
        public static bool PeekHello(byte[] datagram, int length, out Hello hello)
        {
            return Check(Native.iw_hello_peek(datagram, LengthIn(datagram, length), out hello)) == Status.Ok;
        }

        /// <summary>Returns whether a session with these settings could play with the sender of a hello: Status.Ok, or why not. For
        /// Status.HelloMismatch, mismatch tells the setting that differs.</summary>
        public static Status HelloFits(byte[] datagram, int length, Config config, uint inputLen, out Mismatch mismatch)
        {
            var status = Native.iw_hello_fits(datagram, LengthIn(datagram, length), ref config, inputLen, out mismatch);
            return status == Status.HelloMismatch || status == Status.HelloOtherPlayer ? status : Check(status);
        }

        /// <summary>Takes nothing more of a peer. The survivors agree on its last input; then EventKind.Departed follows.</summary>
        public void DisconnectPeer(ulong nowUs, uint peer)
        {
            Check(Native.iw_session_disconnect_peer(Handle, nowUs, peer));
        }

        /// <summary>Whether all who left can be removed.</summary>
        public bool DeparturesSettled
        {
            get
            {
                uint isSettled;
                Check(Native.iw_session_departures_settled(Handle, out isSettled));
                return isSettled != 0;
            }
        }

        /// <summary>Returns how far the departure of a peer has come.</summary>
        public bool DepartureOf(uint peer, out Departure departure)
        {
            return Check(Native.iw_peer_departure(Handle, peer, out departure)) == Status.Ok;
        }

        public void RemovePeer(ulong nowUs, uint peer)
        {
            Check(Native.iw_session_remove_peer(Handle, nowUs, peer));
        }

        /// <summary>Returns whether there was room in the window, and the peers were near enough. If not, push the same input again later.</summary>
        public bool PushInput(ulong nowUs, byte[] input)
        {
            uint frame, waitingFor;
            var length = new UIntPtr((uint)input.Length);
            return Check(Native.iw_session_push_input(Handle, nowUs, input, length, out frame, out waitingFor)) == Status.Ok;
        }

        public Status HandleDatagram(ulong nowUs, uint peer, byte[] datagram, int length)
        {
            return Check(Native.iw_session_handle_datagram(Handle, nowUs, peer, datagram, LengthIn(datagram, length)));
        }

        public void HandleTimeout(ulong nowUs)
        {
            Check(Native.iw_session_handle_timeout(Handle, nowUs));
        }

        public bool PollEvent(out Event happened)
        {
            return Check(Native.iw_session_poll_event(Handle, out happened)) == Status.Ok;
        }

        /// <summary>Returns the next datagram to send, or null.</summary>
        public byte[] PollTransmit(out uint peer)
        {
            UIntPtr length;
            var capacity = new UIntPtr((uint)buffer.Length);
            if (Check(Native.iw_session_poll_transmit(Handle, buffer, capacity, out length, out peer)) != Status.Ok) return null;
            var datagram = new byte[(int)length.ToUInt32()];
            Array.Copy(buffer, datagram, datagram.Length);
            return datagram;
        }

        /// <summary>Returns when HandleTimeout is due, or null.</summary>
        public ulong? PollTimeout()
        {
            ulong at;
            return Check(Native.iw_session_poll_timeout(Handle, out at)) == Status.Ok ? at : (ulong?)null;
        }

        /// <summary>Returns how far the local game is ahead of a peer's, and by how much to stretch the next frame; null until that is known.</summary>
        public Pace? PaceOf(uint peer)
        {
            Pace pace;
            return Check(Native.iw_peer_pace(Handle, peer, out pace)) == Status.Ok ? pace : (Pace?)null;
        }

        /// <summary>Returns how early the local inputs come to a peer that waits for nobody, in thousandths of a frame; null until both play.</summary>
        public int? MarginMillis(uint peer)
        {
            int margin;
            return Check(Native.iw_peer_margin(Handle, peer, out margin)) == Status.Ok ? margin : (int?)null;
        }

        public uint Unacked(uint peer)
        {
            uint unacked;
            Check(Native.iw_peer_unacked(Handle, peer, out unacked));
            return unacked;
        }

        public bool Stats(uint peer, out Stats stats)
        {
            return Check(Native.iw_peer_stats(Handle, peer, out stats)) == Status.Ok;
        }

        public void Close(ulong nowUs)
        {
            Check(Native.iw_session_close(Handle, nowUs));
        }

        public bool IsClosed
        {
            get
            {
                uint isClosed;
                Check(Native.iw_session_is_closed(Handle, out isClosed));
                return isClosed != 0;
            }
        }

        public void Dispose()
        {
            if (memory == IntPtr.Zero) return;
            Native.iw_session_clear(session);
            Marshal.FreeHGlobal(memory);
            memory = IntPtr.Zero;
        }
    }
}
