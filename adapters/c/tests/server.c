/* A server that waits for nobody, in virtual time, in C and in C++: it admits two clients by their hellos, takes the inputs that are
 * there in each of its frames, and repeats the last one of who is late. Both clients find the lead that they need. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inputwire.h"

enum { STEP_US = 1000, STEPS = 30000, CALM_FROM = 25000, FRAME_US = 16667, CLIENTS = 2, QUEUE = 256, WORDS = 2048 };
/* A byte of controls of each client, and a byte of bits: whose input was taken. */
enum { INPUT = CLIENTS + 2 };
#define SERVER 1000u

static const int ways[CLIENTS] = {20, 80}; /* steps, one way */

struct client {
    iw_session *session;
    uint64_t next; /* when it pushes again */
    unsigned replaced, taken;
};

struct datagram {
    int at, client, to_server;
    size_t length;
    unsigned char bytes[IW_MAX_DATAGRAM_SIZE];
};

static uint64_t memory[CLIENTS + 1][WORDS + IW_SESSION_ALIGN / 8];
static iw_config settings; /* of the server */
static iw_session *server;
static uint32_t peer_of[CLIENTS]; /* at the server */
static unsigned char last[CLIENTS];
static struct client clients[CLIENTS];
static struct datagram queue[QUEUE];
static int queued, admitted;

static void check(iw_status status, const char *what) {
    if (status >= 0) return;
    fprintf(stderr, "%s: %s\n", what, iw_status_text(status));
    exit(1);
}

static void claim(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "wrong: %s\n", what);
    exit(1);
}

static iw_session *set_up(int place, uint32_t player, uint32_t input_len) {
    iw_config config;
    iw_session *session;
    unsigned char *start = (unsigned char *)memory[place];
    uint32_t max_peers = player == SERVER ? CLIENTS : 1;
    start += (IW_SESSION_ALIGN - (uintptr_t)start % IW_SESSION_ALIGN) % IW_SESSION_ALIGN;
    check(iw_config_default(&config), "defaults");
    config.local_player = player;
    config.incarnation = UINT64_C(0x5eed000000000001) + player; /* drawn at random in a game */
    config.mesh = 0;
    config.has_key = 1;
    memset(config.key, 7, sizeof config.key);
    claim(iw_session_size(max_peers, input_len) <= WORDS * 8, "the memory for a session is too short");
    check(iw_session_init(start, WORDS * 8, max_peers, input_len, &config, &session), "session");
    if (player == SERVER) settings = config;
    return session;
}

static void send_all(int step, iw_session *session, int client) {
    unsigned char bytes[IW_MAX_DATAGRAM_SIZE];
    size_t length;
    uint32_t peer;
    while (iw_session_poll_transmit(session, bytes, sizeof bytes, &length, &peer) == IW_STATUS_OK) {
        struct datagram *datagram = &queue[queued++];
        int to_server = session != server;
        claim(queued < QUEUE, "the queue is full");
        if (!to_server)
            for (client = 0; peer_of[client] != peer; client++) {}
        datagram->at = step + ways[client], datagram->client = client, datagram->to_server = to_server;
        datagram->length = length;
        memcpy(datagram->bytes, bytes, length);
    }
}

/* Adds the player whose hello this is. A hello proves nothing: it moves nobody who is here already. */
static void admit(uint64_t now, const struct datagram *datagram) {
    iw_hello hello;
    iw_mismatch mismatch;
    iw_status status = iw_hello_fits(datagram->bytes, datagram->length, &settings, INPUT, &mismatch);
    if (status == IW_STATUS_HELLO_MISMATCH) fprintf(stderr, "setting %u: %u here, %u there\n", mismatch.field, mismatch.local, mismatch.remote);
    if (status != IW_STATUS_OK || iw_hello_peek(datagram->bytes, datagram->length, &hello) != IW_STATUS_OK) return;
    if (hello.sender >= CLIENTS || peer_of[hello.sender] != IW_NO_PEER) return;
    check(iw_session_add_peer(server, now, IW_COMPACT, hello.sender, 0, NULL, &peer_of[hello.sender]), "peer");
    check(iw_session_handle_datagram(server, now, peer_of[hello.sender], datagram->bytes, datagram->length), "hello");
    admitted++;
}

static void deliver(int step) {
    uint64_t now = (uint64_t)step * STEP_US;
    int i, kept = 0;
    for (i = 0; i < queued; i++) {
        struct datagram *datagram = &queue[i];
        if (datagram->at > step) {
            queue[kept++] = *datagram;
        } else if (!datagram->to_server) {
            check(iw_session_handle_datagram(clients[datagram->client].session, now, 0, datagram->bytes, datagram->length), "from the server");
        } else if (peer_of[datagram->client] == IW_NO_PEER) {
            admit(now, datagram);
        } else {
            check(iw_session_handle_datagram(server, now, peer_of[datagram->client], datagram->bytes, datagram->length), "to the server");
        }
    }
    queued = kept;
}

/* Once a frame: the server takes what is there. */
static void serve(uint64_t now) {
    unsigned char merged[INPUT] = {0}, input[INPUT];
    uint32_t frame, place;
    check(iw_session_next_frame(server, &frame), "frame");
    for (place = 0; place < CLIENTS; place++) {
        if (iw_peer_remote_input(server, peer_of[place], frame, input, sizeof input) == IW_STATUS_OK) {
            last[place] = input[place];
            merged[CLIENTS] |= (unsigned char)(1u << place);
        }
        merged[place] = last[place];
    }
    check(iw_session_push_input(server, now, merged, INPUT, NULL, NULL), "push of the server");
}

static void play(int number, int step) {
    struct client *client = &clients[number];
    uint64_t now = (uint64_t)step * STEP_US;
    iw_event event;
    check(iw_session_handle_timeout(client->session, now), "timeout");
    while (iw_session_poll_event(client->session, &event) == IW_STATUS_OK) {
        if (event.kind != IW_EVENT_KIND_INPUT || step < CALM_FROM) continue;
        if (event.input[CLIENTS] >> number & 1)
            client->taken++;
        else
            client->replaced++;
    }
    if (now >= client->next) {
        unsigned char input[INPUT] = {0};
        iw_pace pace = {0, 0};
        input[number] = (unsigned char)step;
        iw_session_push_input(client->session, now, input, INPUT, NULL, NULL);
        iw_peer_pace(client->session, 0, &pace);
        client->next += (uint64_t)FRAME_US * (uint64_t)(1000000 + pace.stretch_ppm) / 1000000;
    }
    send_all(step, client->session, number);
}

int main(void) {
    int step, number;
    uint64_t tick = 0;
    iw_event event;
    server = set_up(CLIENTS, SERVER, INPUT);
    for (number = 0; number < CLIENTS; number++) {
        iw_peer_config peer;
        uint32_t ignored;
        int32_t margin;
        peer_of[number] = IW_NO_PEER;
        clients[number].session = set_up(number, (uint32_t)number, INPUT);
        check(iw_peer_config_default(&peer), "defaults of a peer");
        peer.player = SERVER;
        peer.target_margin = 1;
        check(iw_session_add_peer_with(clients[number].session, 0, &peer, &ignored), "the server");
        claim(iw_peer_margin(clients[number].session, 0, &margin) == IW_STATUS_NONE, "no margin before the game");
    }
    for (step = 0; step < STEPS; step++) {
        uint64_t now = (uint64_t)step * STEP_US;
        deliver(step);
        check(iw_session_handle_timeout(server, now), "timeout of the server");
        while (iw_session_poll_event(server, &event) == IW_STATUS_OK) {}
        if (now >= tick) {
            serve(now);
            tick += FRAME_US;
        }
        send_all(step, server, 0);
        for (number = 0; number < CLIENTS; number++) play(number, step);
    }
    claim(admitted == CLIENTS, "each client is admitted once");
    for (number = 0; number < CLIENTS; number++) {
        iw_stats stats;
        int32_t margin;
        check(iw_peer_margin(clients[number].session, 0, &margin), "margin");
        check(iw_peer_stats(clients[number].session, 0, &stats), "statistics");
        printf("client %d: %d ms away, margin=%d taken=%u replaced=%u\n", number, ways[number], margin, clients[number].taken,
               clients[number].replaced);
        claim(stats.has_margin && stats.margin_millis == margin, "the statistics tell the same margin");
        claim(margin >= 0 && margin <= 1000, "the margin is kept");
        claim(clients[number].taken > 250 && clients[number].replaced == 0, "an input was replaced");
    }
    return 0;
}
