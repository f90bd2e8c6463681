import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Fields,
  onlyChild,
  readAlgorithm,
  readContentInfo,
  readOctets,
  writeAlgorithm,
  writeContentInfo,
} from '../../src/cms/structure.js';
import { context, integer, nullValue, octetString, oid, parseDer, sequence, setOf } from '../../src/der.js';
import { DEFAULT_LIMITS } from '../../src/limits.js';
import { refused } from '../refused.js';

describe('Fields', () => {
  it('gives fields in order, and optional ones when they are there', () => {
    const fields = new Fields(parseDer(sequence(integer(1), context(1, nullValue()), setOf(integer(2)))), 'X');
    assert.equal(fields.take().raw.toString('hex'), '020101');
    assert.equal(fields.takeContext(0), undefined);
    assert.equal(fields.takeContext(1)?.tag, 1);
    assert.equal(fields.takeSet().length, 1);
    assert.equal(fields.takeOptional(), undefined);
    fields.end();
  });

  it('refuses what is no sequence, too short or too long', () => {
    refused('der-malformed', () => new Fields(undefined, 'X'));
    refused('der-malformed', () => new Fields(parseDer(setOf()), 'X'));
    refused('der-malformed', () => new Fields(parseDer(context(0, Buffer.alloc(0), false)), 'X'));
    refused('der-malformed', () => new Fields(parseDer(sequence()), 'X').take());
    refused('der-malformed', () => new Fields(parseDer(sequence(sequence())), 'X').takeSet());
    refused('der-malformed', () => new Fields(parseDer(sequence(integer(1))), 'X').end());
  });
});

describe('ContentInfo', () => {
  it('is read as it was written', () => {
    const { contentType, content } = readContentInfo(Buffer.concat(writeContentInfo('1.2.3', [integer(5)])), DEFAULT_LIMITS);
    assert.equal(contentType, '1.2.3');
    assert.equal(content.raw.toString('hex'), '020105');
  });

  for (const value of [
    sequence(),
    sequence(oid('1.2.3')),
    sequence(oid('1.2.3'), context(1, nullValue())),
    sequence(oid('1.2.3'), context(0, [nullValue(), nullValue()])),
    sequence(oid('1.2.3'), context(0, nullValue()), nullValue()),
  ]) {
    it(`is refused as ${value.toString('hex')}`, () => refused('der-malformed', () => readContentInfo(value, DEFAULT_LIMITS)));
  }

  it('is held to the limits', () => {
    refused('limit-exceeded', () =>
      readContentInfo(Buffer.concat(writeContentInfo('1.2.3', [integer(5)])), { derDepth: 1, derValues: 100 }),
    );
    refused('limit-exceeded', () => readContentInfo(Buffer.concat(writeContentInfo('1.2.3', [integer(5)])), { derDepth: 5, derValues: 2 }));
  });
});

describe('AlgorithmIdentifier', () => {
  it('is read as it was written', () => {
    assert.equal(readAlgorithm(parseDer(writeAlgorithm('1.2.3'))).parameters, undefined);
    assert.equal(readAlgorithm(parseDer(writeAlgorithm('1.2.3', 'null'))).parameters?.raw.toString('hex'), '0500');
    assert.equal(readAlgorithm(parseDer(writeAlgorithm('1.2.3', integer(1)))).oid, '1.2.3');
  });

  it('is refused with more than parameters', () => {
    refused('der-malformed', () => readAlgorithm(parseDer(sequence(oid('1.2.3'), nullValue(), nullValue()))));
    refused('der-malformed', () => readAlgorithm(parseDer(sequence())));
  });
});

describe('other values', () => {
  it('are what is asked for', () => {
    assert.equal(readOctets(parseDer(octetString(Buffer.from('a'))), 'x').toString(), 'a');
    refused('der-malformed', () => readOctets(parseDer(context(0, Buffer.from('a'), false)), 'x'));
    refused('der-malformed', () => onlyChild(parseDer(context(0, []))));
  });
});
