// What a Buyer is told of a status.
const STATES = {
    NEW: 'open', SCHD: 'planned', ENRT: 'planned', HOLD: 'planned', VCAN: 'open',
    WIP: 'inProgress', DONE: 'completed', CLSD: 'completed', CANC: 'cancelled',
};
const said = msg.payload;
const state = STATES[said.STAT];
if (state === undefined) {
    node.error(`no state for ${said.STAT}`, msg);
    return null;
}
msg.payload = {
    eventId: said.MSG_ID,
    eventTime: new Date(said.TS.replace(' ', 'T') + '+01:00').toISOString(),
    eventType: 'workOrderStateChangeEvent',
    event: { id: said.JOB_NO, href: `https://seller.example/workOrder/${said.JOB_NO}`, state },
};
msg.headers = { 'content-type': 'application/json' };
return msg;
