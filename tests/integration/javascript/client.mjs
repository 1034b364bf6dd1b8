// node client.mjs ENDPOINT PHOTO OF_THE_SAME_PERSON ... STRANGER: a handful of calls through the SDK as it is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  CompareFacesCommand, CreateCollectionCommand, DeleteCollectionCommand, DescribeCollectionCommand,
  DetectFacesCommand, DetectLabelsCommand, IndexFacesCommand, ListCollectionsCommand, RekognitionClient,
  ResourceAlreadyExistsException, ResourceNotFoundException, SearchFacesByImageCommand,
} from "@aws-sdk/client-rekognition";

const [endpoint, ...paths] = process.argv.slice(2);
const photos = paths.map((path) => ({ Bytes: readFileSync(path) }));
const client = new RekognitionClient({ endpoint, region: process.env.AWS_REGION, maxAttempts: 1 });
const CollectionId = `js-${Date.now()}`;

const created = await client.send(new CreateCollectionCommand({ CollectionId }));
assert.equal(created.StatusCode, 200);
await assert.rejects(client.send(new CreateCollectionCommand({ CollectionId })), (error) => {
  assert.ok(error instanceof ResourceAlreadyExistsException, error.name);
  assert.equal(error.$metadata.httpStatusCode, 400);
  return true;
});
const described = await client.send(new DescribeCollectionCommand({ CollectionId }));
assert.ok(Math.abs(Date.now() - described.CreationTimestamp.getTime()) < 60_000);
assert.ok((await client.send(new ListCollectionsCommand({}))).CollectionIds.includes(CollectionId));

const indexed = await client.send(new IndexFacesCommand({ CollectionId, Image: photos[0], ExternalImageId: "one" }));
assert.equal(indexed.FaceRecords.length, 1);
const found = await client.send(new SearchFacesByImageCommand({ CollectionId, Image: photos[1] }));
assert.deepEqual(found.FaceMatches.map((match) => match.Face.ExternalImageId), ["one"]);
const stranger = await client.send(new SearchFacesByImageCommand({ CollectionId, Image: photos.at(-1) }));
assert.deepEqual(stranger.FaceMatches, []);
const compared = await client.send(new CompareFacesCommand({ SourceImage: photos[0], TargetImage: photos[1] }));
assert.equal(compared.FaceMatches.length, 1);
assert.equal((await client.send(new DetectFacesCommand({ Image: photos[0] }))).FaceDetails[0].Landmarks.length, 5);

await assert.rejects(client.send(new DetectLabelsCommand({ Image: photos[0] })), { name: "UnsupportedOperationException" });
await client.send(new DeleteCollectionCommand({ CollectionId }));
await assert.rejects(client.send(new DescribeCollectionCommand({ CollectionId })), (error) => {
  assert.ok(error instanceof ResourceNotFoundException, error.name);
  return true;
});
console.log("all as expected");
