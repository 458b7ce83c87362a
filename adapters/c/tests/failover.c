/* Two routes in C, in virtual time: the relay carries the game while the direct route is down, and is left when it is well.
 * Every input arrives, although the direct route is cut for three seconds. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inputwire.h"

enum { STEP_US = 1000, FRAME_STEPS = 16, STEPS = 30000, CUT_FROM = 12000, CUT_UNTIL = 15000, QUEUE = 4096 };
enum { DIRECT_STEPS = 20, RELAY_STEPS = 45 };

struct end {
    _Alignas(IW_SESSION_ALIGN) unsigned char session_memory[4096];
    _Alignas(IW_SESSION_ALIGN) unsigned char failover_memory[1024];
    iw_session *session;
    iw_failover *failover;
    uint32_t pushed, delivered, left, returned;
    int connected;
};

struct datagram {
    int at, to;
    uint32_t route;
    size_t length;
    unsigned char bytes[IW_MAX_DATAGRAM_SIZE];
};

static struct end ends[2];
static struct datagram queue[QUEUE];
static int queued;

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

static void set_up(int player) {
    struct end *end = &ends[player];
    iw_config config;
    uint32_t peer;
    check(iw_config_default(&config), "defaults");
    config.local_player = (uint32_t)player;
    config.incarnation = UINT64_C(0x5eed000000000001) + (uint64_t)player;
    check(iw_session_init(end->session_memory, sizeof end->session_memory, 1, 1, &config, &end->session), "session");
    check(iw_session_add_peer(end->session, 0, IW_COMPACT, 1 - (uint32_t)player, 0, NULL, &peer), "peer");
    claim(iw_failover_size() <= sizeof end->failover_memory, "the memory for a failover is too short");
    check(iw_failover_init(end->failover_memory, sizeof end->failover_memory, IW_POLICY_STANDBY, 0, 0, &end->failover),
          "failover");
}

static void send_all(int player, int step) {
    struct end *end = &ends[player];
    unsigned char bytes[IW_MAX_DATAGRAM_SIZE];
    size_t length;
    uint32_t peer, next = 0, routes;
    while (iw_session_poll_transmit(end->session, bytes, sizeof bytes, &length, &peer) == IW_STATUS_OK) {
        iw_session_next_frame(end->session, &next);
        check(iw_failover_routes_for(end->failover, next, &routes), "routes");
        for (uint32_t route = IW_ROUTE_DIRECT; route <= IW_ROUTE_RELAY; route <<= 1) {
            if (!(routes & route)) continue;
            if (route == IW_ROUTE_DIRECT && step >= CUT_FROM && step < CUT_UNTIL) continue;
            claim(queued < QUEUE, "the queue is full");
            struct datagram *datagram = &queue[queued++];
            datagram->at = step + (route == IW_ROUTE_DIRECT ? DIRECT_STEPS : RELAY_STEPS);
            datagram->to = 1 - player, datagram->route = route, datagram->length = length;
            memcpy(datagram->bytes, bytes, length);
        }
    }
}

static void receive(int player, int step) {
    struct end *end = &ends[player];
    uint64_t now = (uint64_t)step * STEP_US;
    int kept = 0;
    for (int i = 0; i < queued; i++) {
        struct datagram *datagram = &queue[i];
        if (datagram->to != player || datagram->at > step) {
            queue[kept++] = *datagram;
            continue;
        }
        if (iw_session_handle_datagram(end->session, now, 0, datagram->bytes, datagram->length) != IW_STATUS_OK) continue;
        uint32_t next = 0, unacked = 0;
        iw_session_next_frame(end->session, &next);
        iw_peer_unacked(end->session, 0, &unacked);
        check(iw_failover_handle_heard(end->failover, now, datagram->route), "heard");
        check(iw_failover_handle_acked(end->failover, now, next, unacked), "acked");
    }
    queued = kept;
}

static void drain(int player, int step) {
    struct end *end = &ends[player];
    uint64_t now = (uint64_t)step * STEP_US;
    iw_event event;
    iw_route_change change;
    while (iw_session_poll_event(end->session, &event) == IW_STATUS_OK) {
        if (event.kind == IW_EVENT_KIND_CONNECTED) end->connected = 1;
        if (event.kind == IW_EVENT_KIND_HEALTH) check(iw_failover_handle_health(end->failover, now, event.value), "health");
        if (event.kind == IW_EVENT_KIND_INPUT) {
            claim(event.frame == end->delivered && event.input[0] == (uint8_t)event.frame, "an input is not the one pushed");
            end->delivered++;
        }
    }
    check(iw_failover_handle_timeout(end->failover, now), "timeout");
    while (iw_failover_poll_change(end->failover, &change) == IW_STATUS_OK) {
        if (change.routes & IW_ROUTE_RELAY) {
            claim(step >= CUT_FROM && step < CUT_UNTIL, "the relay is used although the direct route is well");
            claim(change.cause == IW_ROUTE_CAUSE_SILENT || change.cause == IW_ROUTE_CAUSE_ASKED, "another cause");
            end->returned++;
        } else {
            claim(change.cause == IW_ROUTE_CAUSE_WELL, "another cause than a direct route that is well");
            end->left++;
        }
    }
    uint64_t due;
    if (iw_failover_poll_timeout(end->failover, &due) == IW_STATUS_OK) claim(due > now, "a timeout that has passed");
    send_all(player, step);
}

int main(void) {
    set_up(0);
    set_up(1);
    for (int step = 0; step < STEPS; step++) {
        for (int player = 0; player < 2; player++) {
            struct end *end = &ends[player];
            uint64_t now = (uint64_t)step * STEP_US;
            receive(player, step);
            check(iw_session_handle_timeout(end->session, now), "timeout");
            if (end->connected && step % FRAME_STEPS == 0 && step < STEPS - 2000) {
                uint8_t input = (uint8_t)end->pushed;
                check(iw_session_push_input(end->session, now, &input, 1, NULL, NULL), "push");
                end->pushed++;
            }
            drain(player, step);
        }
    }
    for (int player = 0; player < 2; player++) {
        struct end *end = &ends[player];
        printf("player %d: pushed=%u delivered=%u left=%u returned=%u\n", player, end->pushed, end->delivered, end->left,
               end->returned);
        claim(end->pushed > 1500 && end->delivered == ends[1 - player].pushed, "an input is missing");
        claim(end->left == 2 && end->returned == 1, "the relay is left twice, and used again once");
    }
    uint32_t routes;
    claim(iw_failover_routes(NULL, &routes) == IW_STATUS_NULL, "null is refused");
    claim(iw_failover_handle_heard(ends[0].failover, 0, 3) == IW_STATUS_NO_SUCH_VALUE, "no such route");
    memcpy(ends[1].failover_memory, ends[0].failover_memory, sizeof ends[0].failover_memory);
    claim(iw_failover_routes(ends[1].failover, &routes) == IW_STATUS_FOREIGN, "a moved failover is foreign");
    return 0;
}
