import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DistinguishedName } from '@ssm/empa';
import { deliveryKey } from '../src/delivery-key.js';

const signer = new DistinguishedName([[{ type: 'C', value: 'UK' }], [{ type: 'CN', value: 'host' }]]);
const body = Buffer.from('records');

describe('deliveryKey', () => {
  it('is the same for a message that comes again', () => {
    assert.equal(deliveryKey({ signer, body }, 'a/b'), deliveryKey({ signer, body: Buffer.from(body) }, 'a/b'));
    assert.match(deliveryKey({ signer, body }, 'a/b'), /^[0-9a-f]{64}$/);
  });

  it('is another for another signer, id or body', () => {
    const other = new DistinguishedName([[{ type: 'C', value: 'UK' }], [{ type: 'CN', value: 'host2' }]]);
    const keys = [
      deliveryKey({ signer, body }, 'a'),
      deliveryKey({ signer: other, body }, 'a'),
      deliveryKey({ signer, body }, 'b'),
      deliveryKey({ signer, body: Buffer.from('other') }, 'a'),
      deliveryKey({ signer, body }, undefined),
      deliveryKey({ signer, body, deliveryId: 'a' }, 'a'),
    ];
    assert.equal(new Set(keys).size, keys.length);
  });

  it('does not look at the unsigned id when there is a signed one', () => {
    assert.equal(deliveryKey({ signer, body, deliveryId: 'x' }, 'a'), deliveryKey({ signer, body, deliveryId: 'x' }, 'b'));
  });

  it('never takes another body for the same message, though its delivery id is the same', () => {
    assert.notEqual(
      deliveryKey({ signer, body, deliveryId: 'x' }, 'a'),
      deliveryKey({ signer, body: Buffer.from(''), deliveryId: 'x' }, 'a'),
    );
  });

  it('tells names apart that print alike', () => {
    const slash = new DistinguishedName([[{ type: 'C', value: 'UK' }], [{ type: 'CN', value: 'a/CN=b' }]]);
    const two = new DistinguishedName([[{ type: 'C', value: 'UK' }], [{ type: 'CN', value: 'a' }], [{ type: 'CN', value: 'b' }]]);
    assert.notEqual(deliveryKey({ signer: slash, body }, 'a'), deliveryKey({ signer: two, body }, 'a'));
  });
});
