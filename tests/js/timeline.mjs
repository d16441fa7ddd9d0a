// The run of messages of one conversation under every order of pages, events and catch-ups that a network can make.
import assert from "node:assert/strict";
import { Timeline } from "../../web/client/timeline.js";

const message = (seq, rev = 0, text = `${seq}.${rev}`) => ({
  _id: `m${seq}`, conversationId: "c", seq, text, createdAt: "", userId: "u", msgId: `k${seq}`, ...(rev && { rev }),
});
const texts = (timeline) => timeline.messages.map(({ text }) => text);
const page = (...seqs) => ({ messages: seqs.map((seq) => message(seq)), seq: seqs.at(-1), changeSeq: 0, isComplete: false });

const tests = {
  "a message is taken once, in order, and a gap changes nothing"() {
    const timeline = new Timeline();
    timeline.reset(page(5, 6));
    assert.deepEqual([7, 7, 9, 6].map((seq) => timeline.take(message(seq))), ["next", "known", "gap", "known"]);
    assert.deepEqual(texts(timeline), ["5.0", "6.0", "7.0"]);
    assert.equal(timeline.seq, 7);
  },
  "an older state of a message does not replace a newer one"() {
    const timeline = new Timeline();
    timeline.reset(page(1));
    timeline.replace(message(1, 2));
    timeline.replace(message(1, 1));
    timeline.extend([message(1)], 1);
    assert.deepEqual(texts(timeline), ["1.2"]);
  },
  "a change that comes while an older page is read is applied to the page"() {
    const timeline = new Timeline();
    timeline.reset(page(5, 6));
    timeline.await();
    timeline.replace(message(3, 1));
    timeline.replace({ seq: 4, hidden: true });
    timeline.prepend([message(3), message(4)], true);
    assert.deepEqual(texts(timeline), ["3.1", "5.0", "6.0"]);
    assert.equal(timeline.isComplete, true);
  },
  "an answer quotes a message as it is now, held or not"() {
    const timeline = new Timeline();
    const answer = (seq, quoted) => ({ ...message(seq), replyTo: { seq: quoted, userId: "u", text: "old" } });
    timeline.reset({ ...page(5, 6), seq: 6 });
    timeline.take(answer(7, 3));
    timeline.replace(message(3, 1, "x".repeat(300)));
    timeline.replace(message(6, 2, "new"));
    timeline.take(answer(8, 6));
    assert.deepEqual(timeline.messages.slice(2).map(({ replyTo }) => replyTo.text), ["x".repeat(200), "new"]);
  },
  "a hidden message does not come back"() {
    const timeline = new Timeline();
    timeline.reset(page(1, 2));
    timeline.replace({ seq: 2, hidden: true });
    timeline.extend([message(2)], 2);
    timeline.reset(page(1, 2));
    assert.deepEqual(texts(timeline), ["1.0"]);
  },
  "hidden last messages do not look like a gap"() {
    const timeline = new Timeline();
    timeline.reset({ ...page(1), seq: 4 });
    assert.equal(timeline.take(message(5)), "next");
  },
  "a page that was asked for before the run was replaced is recognised"() {
    const timeline = new Timeline();
    timeline.reset(page(5, 6));
    const generation = timeline.await();
    timeline.reset(page(105, 106));
    assert.notEqual(generation, timeline.generation);
  },
  "what is stored has the newest messages and knows that older ones exist"() {
    const timeline = new Timeline();
    timeline.reset({ ...page(1, 2, 3), isComplete: true });
    const restored = Timeline.restored(JSON.parse(JSON.stringify(timeline.stored(2))));
    assert.deepEqual([texts(restored), restored.first, restored.isComplete, restored.seq], [["2.0", "3.0"], 2, false, 3]);
    const whole = Timeline.restored(timeline.stored(3));
    assert.deepEqual([whole.first, whole.isComplete], [1, true]);
  },
};
for (const [name, test] of Object.entries(tests)) {
  try {
    test();
  } catch (error) {
    console.error(name);
    throw error;
  }
}
