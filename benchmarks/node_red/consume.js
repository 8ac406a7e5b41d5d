// When the flow starts: each message of the queue becomes one of the flow.
const connection = await amqplib.connect('${URL}');
const channel = await connection.createChannel();
await channel.prefetch(${PREFETCH});
context.set('channel', channel);
context.set('answered', new Map());
await channel.consume('${QUEUE}', (delivered) => {
    if (delivered) {
        node.send({ payload: JSON.parse(delivered.content.toString()), delivered });
    }
});
