import { FileDeliveryRecord } from '../src/delivery-record.js';
import { recordConformance } from './conformance-suite.js';

recordConformance('files', (path, now) => new FileDeliveryRecord(now === undefined ? { path } : { path, now }));
