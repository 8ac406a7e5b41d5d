// Comes back from each listener, as copies; after the last one the message is done with, whatever they answered.
const answered = context.get('answered');
const tag = msg.delivered.fields.deliveryTag;
answered.set(tag, (answered.get(tag) || 0) + 1);
if (answered.get(tag) === ${LISTENERS}) {
    answered.delete(tag);
    context.get('channel').ack(msg.delivered);
}
return null;
